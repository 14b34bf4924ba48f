//! [`RequestHead`]: what an authenticator is shown of a request.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, COOKIE, HeaderMap};
use axum::http::{Method, Uri, request};

/// A request without its body: method, URI, headers, and the address of the client. Clones share their
/// content, so they are cheap.
#[derive(Clone)]
pub struct RequestHead(Arc<Head>);

struct Head {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    client: SocketAddr,
}

impl RequestHead {
    pub(crate) fn of(parts: &request::Parts) -> Self {
        let client = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let unknown = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
        RequestHead(Arc::new(Head {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
            client: client.map_or(unknown, |client| client.0),
        }))
    }

    /// The method, in capitals.
    pub fn method(&self) -> &str {
        self.0.method.as_str()
    }

    /// The path, percent-encoded as it was sent.
    pub fn path(&self) -> &str {
        self.0.uri.path()
    }

    /// The URI, with the query.
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The header of that name, in any case. `None` if it is missing, is no visible ASCII, or is there twice,
    /// so that proxy and server cannot take different ones for the right one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.0.headers.get_all(name).iter();
        let only = all.next().filter(|_| all.next().is_none())?;
        only.to_str().ok()
    }

    /// The credentials of the header `authorization`, if they are of that scheme, such as `Basic`.
    pub fn credentials(&self, scheme: &str) -> Option<&str> {
        let (given, credentials) = self.header(AUTHORIZATION.as_str())?.split_once(' ')?;
        let credentials = credentials.trim();
        (given.eq_ignore_ascii_case(scheme) && !credentials.is_empty()).then_some(credentials)
    }

    /// The bearer token (RFC 6750) of the header `authorization`.
    pub fn bearer(&self) -> Option<&str> {
        self.credentials("Bearer")
    }

    /// The cookie of that name; the first, if the browser has several.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let lines = self.0.headers.get_all(COOKIE).iter();
        let lines = lines.filter_map(|line| line.to_str().ok());
        let mut cookies = lines.flat_map(|line| line.split(';'));
        cookies.find_map(|cookie| {
            let (known, value) = cookie.trim().split_once('=')?;
            (known == name).then_some(value)
        })
    }

    /// The address of the client, as [`trusted_proxies`](crate::http::Server::trusted_proxies) say it.
    pub fn client(&self) -> SocketAddr {
        self.0.client
    }
}

/// Without headers, which may have credentials.
impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method())
            .field("path", &self.path())
            .field("client", &self.client())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::RequestHead;

    fn head(headers: &[(&'static str, &'static str)]) -> RequestHead {
        let mut request = Request::get("/orders?a=1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        RequestHead::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn credentials_are_of_one_scheme_and_stand_there_once() {
        for (value, bearer) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc", Some("abc")),
            ("Bearer", None),
            ("Bearer ", None),
            ("Basic abc", None),
            ("BearerX abc", None),
        ] {
            assert_eq!(
                head(&[("authorization", value)]).bearer(),
                bearer,
                "{value}"
            );
        }
        let twice = head(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
        assert_eq!((twice.bearer(), head(&[]).bearer()), (None, None));
        let basic = head(&[("authorization", "Basic dTpw")]);
        assert_eq!(basic.credentials("basic"), Some("dTpw"));
    }

    #[test]
    fn cookies_are_found_in_all_lines_by_their_whole_name() {
        let head = head(&[("cookie", "a=1; session=x=y"), ("cookie", "b=2")]);
        assert_eq!(head.cookie("session"), Some("x=y"));
        assert_eq!((head.cookie("a"), head.cookie("b")), (Some("1"), Some("2")));
        assert_eq!((head.cookie("sess"), head.cookie("")), (None, None));
        assert_eq!((head.method(), head.path()), ("GET", "/orders"));
    }
}
