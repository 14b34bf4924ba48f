//! Requests that a page of another site made its visitor's browser send, with the visitor's cookies, from
//! within the visitor's network.
//!
//! A browser says where a request comes from: in `sec-fetch-site`, and in `origin`, which no page can set. A
//! request with neither is from no browser, so no page has made its sender send it. No tokens are needed
//! (OWASP, Cross-Site Request Forgery Prevention, "Fetch Metadata").

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, COOKIE, HeaderName, ORIGIN, UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, request};

use crate::escaped::Escaped;
use crate::http::access::host::HostAndPort;
use crate::http::replies::problem::Details;

pub(crate) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The longest part of an origin, and of a host, that a problem shows.
const SHOWN: usize = 128;

/// Paths that pages of all sites may send requests to.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenPaths(Vec<String>);

impl OpenPaths {
    /// Adds paths.
    ///
    /// # Errors
    /// The first one that is no path of a request, and so would open nothing.
    pub(crate) fn extend(&mut self, paths: impl IntoIterator<Item = String>) -> Result<(), String> {
        for path in paths {
            if !path.starts_with('/') || path.contains(['{', '?', '#', ' ']) {
                return Err(path);
            }
            self.0.push(path);
        }
        Ok(())
    }

    /// A path that ends in `/` stands for all that is below it.
    fn contain(&self, path: &str) -> bool {
        let mut open = self.0.iter();
        open.any(|open| path == open || open.ends_with('/') && path.starts_with(open.as_str()))
    }
}

/// Checks that no foreign page had the request sent, or that it may. `cors` are the headers by which the
/// answer lets pages of the origin read it.
///
/// # Errors
/// If the request may change something, and comes from a page of another origin.
pub(crate) fn check(
    parts: &request::Parts,
    host: Option<&HostAndPort<'_>>,
    cors: Option<&HeaderMap>,
    open: &OpenPaths,
) -> Result<(), Details> {
    if !may_change(parts) || !is_foreign(&parts.headers, host) {
        return Ok(());
    }
    let is_let_in = cors.is_some_and(|cors| lets_in(cors, &parts.headers));
    if is_let_in || open.contain(parts.uri.path()) {
        return Ok(());
    }
    Err(refused(parts, host))
}

/// Whether a browser may be behind the request. If none is, no page has made its sender send it.
pub(crate) fn may_be_from_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE)
}

/// Whether the method is not one that only reads (RFC 9110, section 9.2.1); or the request opens a web
/// socket, to which pages of all origins may write and whose messages they may read (RFC 6455, section 10.2).
fn may_change(parts: &request::Parts) -> bool {
    let is_safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    !is_safe || parts.headers.contains_key(UPGRADE)
}

/// Whether a browser says that a page of another origin is behind the request. A header that comes more than
/// once is from no browser; all its values count.
fn is_foreign(headers: &HeaderMap, host: Option<&HostAndPort<'_>>) -> bool {
    if headers.contains_key(SEC_FETCH_SITE) {
        let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
        return !sites.all(|site| site == "same-origin" || site == "none");
    }
    let is_own = |origin: &HeaderValue| {
        let origin = origin.to_str().ok();
        let own = origin.and_then(|origin| Some(host?.is_of_origin(origin)));
        own.unwrap_or(false)
    };
    !headers.get_all(ORIGIN).iter().all(is_own)
}

/// Whether CORS lets pages of the origin in, with what the request carries.
///
/// If it lets in all origins, it does so without credentials: a browser shows a page no answer to a request
/// with cookies then, but may have sent the request.
fn lets_in(cors: &HeaderMap, request: &HeaderMap) -> bool {
    match cors.get(ACCESS_CONTROL_ALLOW_ORIGIN) {
        Some(any) if any == "*" => !has_credentials(request),
        Some(one) => request.get_all(ORIGIN).iter().eq([one]),
        None => false,
    }
}

/// Whether the request carries what a browser adds by itself: cookies, or a name and password. Other
/// authorization is added by a script, after a preflight.
fn has_credentials(request: &HeaderMap) -> bool {
    let is_bearer = |value: &HeaderValue| {
        let scheme = value.as_bytes().get(..7);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
    };
    request.contains_key(COOKIE) || !request.get_all(AUTHORIZATION).iter().all(is_bearer)
}

#[cold]
fn refused(parts: &request::Parts, host: Option<&HostAndPort<'_>>) -> Details {
    let origin = parts.headers.get(ORIGIN);
    let origin = origin.and_then(|origin| origin.to_str().ok());
    let origin = origin.map_or_else(
        || "another origin".to_owned(),
        |origin| format!("the origin `{}`", Escaped(shown(origin))),
    );
    let host = host.map_or_else(String::new, |host| {
        format!(" (the request's host is `{}`)", shown(&host.to_string()))
    });
    let detail = format!(
        "a page of {origin} had this request sent, and may not change anything here{host}; `Server::cors` lets \
         pages of an origin in, `Server::cross_site` opens a path to all pages; a proxy in front must pass the \
         header `host` on"
    );
    tracing::debug!(
        path = parts.uri.path(),
        detail,
        "a cross-site request is refused"
    );
    Details::explained(StatusCode::FORBIDDEN, detail)
}

fn shown(text: &str) -> &str {
    text.get(..SHOWN).unwrap_or(text)
}
