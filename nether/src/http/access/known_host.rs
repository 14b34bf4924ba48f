//! [`KnownHost`]: the host that the requests of a connection name.

use std::sync::OnceLock;

use axum::http::header::HOST;
use axum::http::{Version, request};

/// A longer host is looked at in each request: it would be kept for as long as the connection.
const LONGEST: usize = 255;

/// The host of the first request of a connection that was found to be right. The next ones name it too, and
/// need not be read again.
#[derive(Debug, Default)]
pub(crate) struct KnownHost(OnceLock<Box<[u8]>>);

impl KnownHost {
    /// Notes the host of a request for which the server answers.
    pub(crate) fn note(&self, parts: &request::Parts) {
        if let Some(host) = written(parts).filter(|host| host.len() <= LONGEST) {
            self.0.get_or_init(|| host.into());
        }
    }

    /// Whether the request names the host in the same words.
    pub(crate) fn is_that_of(&self, parts: &request::Parts) -> bool {
        let known = self.0.get();
        known.is_some_and(|known| written(parts).is_some_and(|host| *host == **known))
    }
}

/// The host as it is written, if it stands in one place alone.
fn written(parts: &request::Parts) -> Option<&[u8]> {
    let mut lines = parts.headers.get_all(HOST).iter();
    match (parts.uri.authority(), lines.next(), lines.next()) {
        (None, Some(line), None) => Some(line.as_bytes()),
        (Some(authority), None, None) if parts.version >= Version::HTTP_2 => {
            Some(authority.as_str().as_bytes())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::HOST;
    use axum::http::{HeaderValue, Request, Version, request};

    use super::KnownHost;

    fn parts(version: Version, uri: &str, hosts: &[&'static str]) -> request::Parts {
        let request = Request::get(uri).version(version);
        let mut parts = request.body(()).unwrap().into_parts().0;
        for host in hosts {
            parts.headers.append(HOST, HeaderValue::from_static(host));
        }
        parts
    }

    #[test]
    fn a_host_is_known_only_in_the_same_words_and_in_one_place() {
        let known = KnownHost::default();
        let (http_1, http_2) = (Version::HTTP_11, Version::HTTP_2);
        assert!(!known.is_that_of(&parts(http_1, "/", &["a.example"])));
        known.note(&parts(http_1, "/", &["a.example"]));
        known.note(&parts(http_1, "/", &["b.example"]));
        for (version, uri, hosts, is_known) in [
            (http_1, "/other", &["a.example"][..], true),
            (http_2, "http://a.example/", &[], true),
            (http_1, "/", &["A.example"], false),
            (http_1, "/", &["b.example"], false),
            (http_1, "/", &["a.example:80"], false),
            (http_1, "/", &["a.example", "a.example"], false),
            (http_1, "/", &[], false),
            (http_1, "http://a.example/", &[], false),
            (http_1, "http://b.example/", &["a.example"], false),
            (http_2, "http://a.example/", &["b.example"], false),
        ] {
            let is_that = known.is_that_of(&parts(version, uri, hosts));
            assert_eq!(is_that, is_known, "{uri} {hosts:?}");
        }
    }
}
