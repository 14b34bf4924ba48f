//! `Idempotency-Key`: what a request with one is known by.
//!
//! After draft-ietf-httpapi-idempotency-key-header.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, COOKIE, HeaderName};
use axum::http::{HeaderMap, StatusCode, request};

use crate::digest::digest;
use crate::http::access::client_address::network_of;
use crate::http::replies::problem::Details;
use crate::idempotency::{KeyOwner, KeyedRequest};

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A longer key is refused.
const LONGEST: usize = 256;

/// The key of a request, and what it is for.
#[derive(Debug)]
pub(crate) struct IdempotencyKey {
    /// What the client sent.
    pub(crate) key: String,
    /// Method and path.
    pub(crate) route: String,
    /// The hash of query and body: reusing the key with another request is an error of the client.
    fingerprint: [u8; 32],
}

/// The user of a key. Keys of different users never meet.
#[derive(Debug)]
pub(crate) struct KeyUser {
    /// The hash of the principal; or of the credentials, if there is no principal.
    pub(crate) scope: [u8; 32],
    owner: KeyOwner,
}

impl IdempotencyKey {
    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// If it is no text, too long, or there are several.
    pub(crate) fn of(parts: &request::Parts, body: &Bytes) -> Result<Option<Self>, Details> {
        let mut keys = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = keys.next() else {
            return Ok(None);
        };
        if keys.next().is_some() {
            let detail = "`Idempotency-Key` must be there once";
            return Err(Details::new(StatusCode::BAD_REQUEST, detail));
        }
        let key = key.to_str().ok();
        let is_visible = |key: &&str| key.bytes().all(|byte| byte.is_ascii_graphic());
        let key = key.filter(is_visible);
        let Some(key) = key.filter(|key| !key.is_empty() && key.len() <= LONGEST) else {
            let detail = format!("`Idempotency-Key` must be 1 to {LONGEST} visible characters");
            return Err(Details::new(StatusCode::BAD_REQUEST, detail));
        };
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        Ok(Some(IdempotencyKey {
            key: key.to_owned(),
            route: format!("{} {}", parts.method, parts.uri.path()),
            fingerprint: digest(&[b"nether.http.request", query, body]),
        }))
    }

    /// The request, as the store of keys knows it. `resumes` says whether its command does nothing twice.
    pub(crate) fn request(&self, user: &KeyUser, resumes: bool) -> KeyedRequest {
        let (route, key) = (self.route.as_bytes(), self.key.as_bytes());
        KeyedRequest {
            name: digest(&[b"nether.http.idempotency_key", &user.scope, route, key]),
            fingerprint: self.fingerprint,
            owner: user.owner,
            resumes,
        }
    }
}

impl KeyUser {
    /// The sender of a request: the principal; or else the credentials. Credentials were not verified, so all
    /// that come from one address share one part of the budget.
    pub(crate) fn of(parts: &request::Parts, principal: Option<&str>) -> Self {
        if let Some(principal) = principal {
            let hash = digest(&[b"nether.http.principal", principal.as_bytes()]);
            return KeyUser {
                scope: hash,
                owner: KeyOwner {
                    hash,
                    is_verified: true,
                },
            };
        }
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let network = peer.map(|peer| network_of(peer.0.ip()));
        let network = network.as_deref().unwrap_or_default();
        KeyUser {
            scope: credentials(&parts.headers),
            owner: KeyOwner {
                hash: digest(&[b"nether.http.peer", network]),
                is_verified: false,
            },
        }
    }
}

fn credentials(headers: &HeaderMap) -> [u8; 32] {
    let mut parts: Vec<&[u8]> = vec![b"nether.http.credentials"];
    for header in [AUTHORIZATION, COOKIE] {
        // Without the name, one could pass for the other.
        parts.push(if header == COOKIE {
            b"cookie"
        } else {
            b"authorization"
        });
        let values = headers.get_all(header);
        parts.extend(values.iter().map(|value| value.as_bytes()));
    }
    digest(&parts)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::body::Bytes;
    use axum::extract::ConnectInfo;
    use axum::http::Request;
    use axum::http::request::Parts;

    use super::{IdempotencyKey, KeyUser};
    use crate::idempotency::KeyedRequest;

    fn parts(uri: &str, headers: &[(&'static str, &str)], peer: &str) -> Parts {
        let mut request = Request::post(uri).header("idempotency-key", "k");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer: SocketAddr = peer.parse().unwrap();
        let request = request.extension(ConnectInfo(peer));
        request.body(()).unwrap().into_parts().0
    }

    fn keyed(parts: &Parts, principal: Option<&str>, body: &'static str) -> KeyedRequest {
        let body = Bytes::from_static(body.as_bytes());
        let key = IdempotencyKey::of(parts, &body).unwrap().unwrap();
        key.request(&KeyUser::of(parts, principal), false)
    }

    #[test]
    fn names_and_fingerprints_are_the_same_in_every_version_of_the_library() {
        let parts = parts("/orders?a=1", &[], "127.0.0.1:1");
        let request = keyed(&parts, Some("ann"), "{}");
        let first = |hash: [u8; 32]| u64::from_be_bytes(hash[..8].try_into().unwrap());
        assert_eq!(first(request.name), 2_350_446_398_661_323_742);
        assert_eq!(first(request.fingerprint), 7_845_975_007_284_291_962);
        assert_eq!(first(request.owner.hash), 11_536_234_318_101_076_367);
    }

    #[test]
    fn keys_of_different_credentials_never_meet() {
        let of = |headers: &[(&'static str, &str)]| {
            keyed(&parts("/orders", headers, "127.0.0.1:1"), None, "").name
        };
        let names = [
            of(&[]),
            of(&[("authorization", "a")]),
            of(&[("cookie", "a")]),
            of(&[("authorization", "a"), ("cookie", "a")]),
            of(&[("authorization", "b")]),
            of(&[("cookie", "b")]),
            keyed(&parts("/orders", &[], "127.0.0.1:1"), Some(""), "").name,
            keyed(&parts("/orders", &[], "127.0.0.1:1"), Some("a"), "").name,
            keyed(&parts("/other", &[], "127.0.0.1:1"), None, "").name,
        ];
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{index}");
        }
    }

    #[test]
    fn the_share_is_that_of_the_network_and_the_name_is_not() {
        let of = |peer| keyed(&parts("/orders", &[], peer), None, "");
        let (one, other) = (of("127.0.0.1:1"), of("127.0.0.2:1"));
        assert_eq!(one.name, other.name);
        assert_ne!(one.owner, other.owner);
        assert_eq!(one.owner, of("127.0.0.1:2").owner);
        assert_eq!(one.owner, of("[::ffff:127.0.0.1]:2").owner);
        assert_eq!(of("[2001:db8::1]:1").owner, of("[2001:db8::2:1]:1").owner);
        assert_ne!(of("[2001:db8::1]:1").owner, of("[2001:db8:0:1::1]:1").owner);
    }
}
