//! What the fuzz targets call: the ways from the bytes of a request to what the server makes of them. Not
//! public API.

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, ETAG, IF_RANGE, LAST_MODIFIED, RANGE, TRANSFER_ENCODING,
};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, Version, request};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http::access::client_address::{ForwardedHeader, TrustedProxies};
use crate::http::access::cross_site::{self, OpenPaths};
use crate::http::access::host::HostAndPort;
use crate::http::connections::expectation::awaits_continue;
use crate::http::endpoints::endpoint::Shape;
use crate::http::endpoints::presence::declared;
use crate::http::events::feed::fields_of;
use crate::http::events::filter::EventFilter;
use crate::http::files::ranges;
use crate::http::idempotency::key::{IdempotencyKey, KeyUser};
use crate::http::input::{Input, TextNames};
use crate::http::replies::encodings;
use crate::http::replies::problem::Details;
use crate::http::replies::reply::unless_known;
use crate::http::request_id::RequestId;
use crate::http::request_scope::wait;

/// The head of a request as it came, and the first bytes of its body.
#[derive(Debug, Clone, Copy)]
pub struct RawHead<'a> {
    /// `1.0`, `1.1`, or anything else for HTTP/2.
    pub version: &'a [u8],
    /// The method.
    pub method: &'a [u8],
    /// Path and query, or a whole URI.
    pub target: &'a [u8],
    /// Names and values.
    pub headers: &'a [(&'a [u8], &'a [u8])],
    /// What has come of the body.
    pub body: &'a [u8],
}

/// What a server makes of a head.
#[derive(Debug, PartialEq, Eq)]
pub struct ReadHead {
    /// The host that it names.
    pub host: Option<String>,
    /// The status with which it is refused, if it is.
    pub refusal: Option<u16>,
    /// The client, if the proxies of `10.0.0.0/8` are trusted: by `x-forwarded-for`, and by `forwarded`.
    pub clients: [SocketAddr; 2],
    /// Which part is asked for of a file of so many bytes.
    pub range: Option<String>,
    /// Whether the client has what has the tag `"tag"`.
    pub is_known: bool,
    /// The hashes of its idempotency key, and of what the key is for.
    pub key: Option<([u8; 32], [u8; 32])>,
    /// What it is called.
    pub id: Option<String>,
    /// How many seconds it waits.
    pub wait: Option<u64>,
}

/// Reads the head of a request from that peer, which may be for a file of so many bytes; `None` if it is
/// none.
pub fn read_head(raw: &RawHead<'_>, peer: SocketAddr, length: u64) -> Option<ReadHead> {
    let parts = parts(raw)?;
    let body = Bytes::copy_from_slice(raw.body);
    let key = IdempotencyKey::of(&parts, &body);
    let refused = |details: Details| details.status().as_u16();
    let refusal = refusal(&parts).or_else(|| key.as_ref().err().cloned().map(refused));
    let key = key.ok().flatten();
    let key = key.map(|key| key.request(&KeyUser::of(&parts, None), false));
    let host = HostAndPort::of(&parts).ok().flatten();
    Some(ReadHead {
        host: host.map(|host| host.to_string()),
        refusal,
        clients: [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded]
            .map(|header| client(header, peer, &parts.headers)),
        range: range(&parts, length),
        is_known: is_known(&parts),
        key: key.map(|key| (key.name, key.fingerprint)),
        id: RequestId::given(&parts.headers).map(|id| id.as_str().to_owned()),
        wait: wait(&parts.headers),
    })
}

fn parts(raw: &RawHead<'_>) -> Option<request::Parts> {
    let version = match raw.version {
        b"1.0" => Version::HTTP_10,
        b"1.1" => Version::HTTP_11,
        _ => Version::HTTP_2,
    };
    let mut request = Request::builder().method(raw.method).version(version);
    request = request.uri(raw.target);
    for (name, value) in raw.headers {
        request = request.header(*name, *value);
    }
    Some(request.body(()).ok()?.into_parts().0)
}

/// The status with which the head is refused before anything is done.
fn refusal(parts: &request::Parts) -> Option<u16> {
    let Ok(host) = HostAndPort::of(parts) else {
        return Some(StatusCode::BAD_REQUEST.as_u16());
    };
    let checked = cross_site::check(parts, host.as_ref(), None, &OpenPaths::default());
    if let Err(details) = checked.and_then(|()| {
        let expected = awaits_continue(&parts.headers, parts.version);
        expected.map(|_| ())
    }) {
        return Some(details.status().as_u16());
    }
    // By itself: an answer has an id, which would be another one each time, and so would its way.
    if encodings::unknown(&parts.headers, TRANSFER_ENCODING, "chunked").is_some() {
        return Some(StatusCode::NOT_IMPLEMENTED.as_u16());
    }
    let encoding = encodings::unknown(&parts.headers, CONTENT_ENCODING, "identity");
    encoding.map(|_| StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16())
}

fn client(header: ForwardedHeader, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
    let mut proxies = TrustedProxies::default();
    proxies.header = header;
    let added = proxies.extend(["10.0.0.0/8".to_owned()]);
    added.expect("it is a network");
    proxies.client(peer, headers)
}

fn range(parts: &request::Parts, length: u64) -> Option<String> {
    let mut headers = parts.headers.clone();
    ranges::drop_unknown(&parts.method, &mut headers);
    let current = HeaderMap::from_iter([
        (ETAG, HeaderValue::from_static("\"tag\"")),
        (
            LAST_MODIFIED,
            HeaderValue::from_static("Tue, 01 Jan 2030 00:00:00 GMT"),
        ),
        (CONTENT_LENGTH, length.into()),
    ]);
    if headers.contains_key(IF_RANGE) {
        ranges::drop_stale(&mut headers, &current);
    }
    ranges::fit_end(&mut headers, &current);
    let range = headers.get(RANGE)?;
    Some(String::from_utf8_lossy(range.as_bytes()).into_owned())
}

fn is_known(parts: &request::Parts) -> bool {
    let mut response = Response::new(Body::empty());
    let tag = HeaderValue::from_static("\"tag\"");
    response.headers_mut().insert(ETAG, tag);
    unless_known(parts, response).status() == StatusCode::NOT_MODIFIED
}

/// The message that a request is, or the status of its problem.
pub fn read_message<M: DeserializeOwned + Serialize>(
    path: &[(&str, &str)],
    query: &str,
    body: &[u8],
    shape: Shape,
) -> Result<M, u16> {
    let mut input = Input {
        body,
        ..Input::default()
    };
    let parameters = path
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    input.texts.extend(parameters);
    let names = TextNames::of(shape, true);
    let read = input
        .query(query)
        .and_then(|()| input.message(shape, names));
    read.map_err(|details| details.status().as_u16())
}

/// Whether a client that asks for the stream at the path, with that target, wants the event; or the status of
/// its problem. `None` if the target is none.
pub fn is_wanted(path: &str, target: &str, event: &str) -> Option<Result<bool, u16>> {
    let uri = Uri::try_from(target).ok()?;
    let mut streams = declared().into_iter();
    let stream = streams.find(|endpoint| endpoint.place().1 == path)?;
    let filter = EventFilter::of(stream, &uri);
    let wants = filter.map(|filter| filter.wants(&fields_of(event)));
    Some(wants.map_err(|details| details.status().as_u16()))
}
