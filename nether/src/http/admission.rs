//! What holds for all requests, whatever answers them: what is looked at before a request is handed on, and
//! what each answer gets. A setting that is to hold for endpoints, routes, files and operations stands here.

use axum::body::Body;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, request};
use axum::response::Response;

use crate::http::access::cors;
use crate::http::access::cross_site;
use crate::http::access::host::HostAndPort;
use crate::http::access::known_host::KnownHost;
use crate::http::operations::served::PROBES;
use crate::http::rare_headers::RareHeaders;
use crate::http::replies::problem::Details;
use crate::http::request_id::RequestId;
use crate::http::server::state::ServerState;

/// Browsers believe the content type of an answer, and do not look for scripts in it.
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// Only pages of the same origin may show a page in a frame: others could have it clicked unseen.
const OWN_FRAMES: HeaderValue = HeaderValue::from_static("frame-ancestors 'self'");

/// The longest part of a host that a problem shows.
const SHOWN: usize = 128;

/// What the answer to a request gets.
#[derive(Debug)]
pub(super) struct AnswerMarks {
    given: Option<RequestId>,
    /// Boxed: most servers have none.
    cors: Option<Box<HeaderMap>>,
}

/// Looks at a request. An answer if the request goes no further. `given` is what the client calls it; `cors`
/// are the headers by which the answer lets pages of other origins read it; `known` is the host that the
/// requests of its connection name.
pub(super) fn admit(
    state: &ServerState,
    parts: &request::Parts,
    rare: RareHeaders,
    given: Option<RequestId>,
    cors: Option<Box<HeaderMap>>,
    known: &KnownHost,
) -> (AnswerMarks, Option<Response>) {
    let is_preflight = || cors::is_preflight(&parts.method, &parts.headers);
    let answer = match check(state, parts, rare, cors.as_deref(), known) {
        Err(details) => Some(details.answer_to(parts)),
        Ok(()) if cors.is_some() && is_preflight() => Some(Response::new(Body::empty())),
        Ok(()) => None,
    };
    (AnswerMarks { given, cors }, answer)
}

fn check(
    state: &ServerState,
    parts: &request::Parts,
    rare: RareHeaders,
    cors: Option<&HeaderMap>,
    known: &KnownHost,
) -> Result<(), Details> {
    let may_be_from_browser = cross_site::may_be_from_browser(rare.among(&parts.headers));
    if !may_be_from_browser && known.is_that_of(parts) {
        return Ok(());
    }
    let host =
        HostAndPort::of(parts).map_err(|wrong| Details::new(StatusCode::BAD_REQUEST, wrong))?;
    if let Some(host) = &host {
        check_host(state, parts, host, known)?;
    }
    cross_site::check(parts, host.as_ref(), cors, &state.settings.open_paths)
}

/// Checks that the server answers for the host. One at a loopback address answers for the names of the
/// machine itself, unless it was given other names. Probes of an orchestrator name an address, whatever that
/// is; so they are answered anyway, and so is the address for management if others than the machine itself
/// reach it.
fn check_host(
    state: &ServerState,
    parts: &request::Parts,
    host: &HostAndPort<'_>,
    known: &KnownHost,
) -> Result<(), Details> {
    let is_local = !state.is_at_loopback() || host.is_loopback();
    let is_taken = match &state.settings.hosts {
        Some(hosts) if state.is_private => is_local || hosts.contains(host),
        Some(hosts) => hosts.contains(host),
        None => is_local,
    };
    if is_taken {
        known.note(parts);
        return Ok(());
    }
    if PROBES.contains(&parts.uri.path()) {
        return Ok(());
    }
    let host = host.to_string();
    let host = host.get(..SHOWN).unwrap_or(&host);
    let detail = match state.settings.hosts {
        Some(_) => format!(
            "the server does not answer for `{host}`; `Server::hosts` says for which hosts it does"
        ),
        None => format!(
            "the server does not answer for `{host}`: it is at a loopback address, and so answers for `localhost` \
             alone; name the hosts that a proxy passes on in `Server::hosts`"
        ),
    };
    tracing::debug!(host, "a request for another host is refused");
    Err(Details::explained(StatusCode::MISDIRECTED_REQUEST, detail))
}

impl AnswerMarks {
    /// What the request is called in a problem.
    pub(super) fn request_id(&self) -> RequestId {
        self.given.clone().unwrap_or_else(RequestId::fresh)
    }

    /// Marks the answer.
    pub(super) fn mark(self, response: &mut Response) {
        let headers = response.headers_mut();
        if let Some(id) = self.given {
            id.mark(headers);
        }
        if let Some(mut cors) = self.cors {
            if let Some(vary) = cors.remove(VARY) {
                headers.append(VARY, vary);
            }
            headers.extend(*cors);
        }
        headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(NOSNIFF);
        if is_page(headers) && !headers.contains_key(X_FRAME_OPTIONS) {
            headers.entry(CONTENT_SECURITY_POLICY).or_insert(OWN_FRAMES);
        }
    }
}

fn is_page(headers: &HeaderMap) -> bool {
    let Some(content) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let is = |page: &str| {
        let start = content.as_bytes().get(..page.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(page.as_bytes()))
    };
    is("text/html") || is("application/xhtml+xml")
}
