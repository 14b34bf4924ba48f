//! [`RequestObserver`]: watches one request from its head to the last byte of its answer.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, Method, StatusCode, Uri, Version};
use axum::response::Response;
use tokio::time::Instant;
use tracing::field::{Value, display};
use tracing::span::Entered;
use tracing::{Level, Span};

use crate::http::observation::access_line::{AccessLine, may_be_wanted};
use crate::http::observation::{ObservedRequest, propagation};
use crate::http::operations::served::is_asked_all_the_time;
use crate::http::request_id::RequestId;
use crate::http::server::state::ServerState;
use crate::trace::{MessageSpans, SpanKind, SpanLevel, TraceContext};

/// The observer of one request. Dropped, the request is over.
pub(in crate::http) struct RequestObserver {
    observed: Arc<ObservedRequest>,
    asked: (Method, Uri),
    version: Version,
    client: SocketAddr,
    began: Instant,
    status: Option<StatusCode>,
    bytes: u64,
    /// How many bytes the answer has, if its head says so. The body is not asked for more than that, and so
    /// may not say that it has ended.
    length: Option<u64>,
    /// Whether the answer was sent to its end.
    is_done: bool,
    is_logged: bool,
    is_quiet: bool,
}

impl RequestObserver {
    /// Watches a request from that peer, if a subscriber wants to know of it.
    #[inline]
    pub(in crate::http) fn begin<B>(
        state: &ServerState,
        peer: SocketAddr,
        request: &mut hyper::Request<B>,
    ) -> Option<Box<Self>> {
        let is_seen = tracing::level_enabled!(Level::INFO);
        if !is_seen && !propagation::is_there(request.headers()) {
            return None;
        }
        let observer = RequestObserver::watch(state, peer, request, is_seen)?;
        let observed = Arc::clone(&observer.observed);
        request.extensions_mut().insert(observed);
        Some(observer)
    }

    #[cold]
    fn watch<B>(
        state: &ServerState,
        peer: SocketAddr,
        request: &hyper::Request<B>,
        is_seen: bool,
    ) -> Option<Box<Self>> {
        let headers = request.headers();
        let parent = propagation::read(headers);
        let is_quiet = is_asked_all_the_time(request.uri().path());
        let method = known_method(request.method());
        let client = state.settings.proxies.client(peer, headers);
        let is_logged = state.settings.access_log && may_be_wanted(is_quiet);
        let has_span = is_seen && !is_quiet;
        let (span, trace) = match has_span {
            true => opened(method, parent.as_ref()),
            false => (Span::none(), parent.clone()),
        };
        if span.is_none() && trace.is_none() && !is_logged {
            return None;
        }
        let observed = ObservedRequest {
            is_shown: is_logged || !span.is_none(),
            span,
            trace,
            method,
            route: OnceLock::new(),
            id: OnceLock::new(),
            has_principal: AtomicBool::new(false),
        };
        if let Some(id) = RequestId::given(headers).filter(|_| observed.is_shown) {
            observed.note_id(id);
        }
        Some(Box::new(RequestObserver {
            observed: Arc::new(observed),
            asked: (request.method().clone(), request.uri().clone()),
            version: request.version(),
            client,
            began: Instant::now(),
            status: None,
            bytes: 0,
            length: None,
            is_done: false,
            is_logged,
            is_quiet,
        }))
    }

    /// Makes the span of the request the current one, for one poll.
    pub(in crate::http) fn enter(&self) -> Entered<'_> {
        self.observed.span.enter()
    }

    /// Answers the request in its span.
    pub(in crate::http) async fn answered(
        observer: Option<&Self>,
        answer: impl Future<Output = Response>,
    ) -> Response {
        let mut answer = pin!(answer);
        std::future::poll_fn(|cx| {
            let _entered = observer.map(Self::enter);
            answer.as_mut().poll(cx)
        })
        .await
    }

    /// Notes the head of the answer.
    #[cold]
    pub(in crate::http) fn note_answer(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.status = Some(status);
        let length = headers.get(CONTENT_LENGTH);
        self.length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        if self.observed.is_shown
            && let Some(id) = RequestId::of_answer(headers)
        {
            self.observed.note_id(id);
        }
        let span = &self.observed.span;
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "error");
        }
    }

    /// Notes bytes of the answer that were handed on.
    pub(in crate::http) fn note_sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.is_done |= self.length == Some(self.bytes);
    }

    /// Notes that the answer was sent to its end.
    pub(in crate::http) fn note_end(&mut self) {
        self.is_done = true;
    }
}

impl Drop for RequestObserver {
    fn drop(&mut self) {
        let outcome = match self.status {
            Some(status) if self.is_done && status.is_server_error() => "failed",
            Some(status) if self.is_done && status.is_client_error() => "refused",
            Some(_) if self.is_done => "ok",
            // The client left, the answer was cut off, or the program panicked on the way.
            _ => "cancelled",
        };
        let observed = &self.observed;
        if observed.route.get().is_none() {
            observed.span.record("otel.name", observed.method);
        }
        observed.span.record("outcome", outcome);
        if !self.is_logged {
            return;
        }
        let trace = observed.trace.as_ref().map(TraceContext::trace_id);
        let line = AccessLine {
            method: &self.asked.0,
            uri: &self.asked.1,
            version: self.version,
            client: self.client,
            route: observed.route.get().map(|route| &**route),
            status: self.status,
            bytes: self.bytes,
            took: self.began.elapsed(),
            request_id: observed.id.get().map(RequestId::as_str),
            trace_id: trace.as_deref(),
            outcome,
            is_quiet: self.is_quiet,
        };
        observed.span.in_scope(|| line.log());
    }
}

/// What all spans of requests have.
static REQUEST: SpanKind = SpanKind {
    target: "nether::http",
    fields: &[
        "otel.name",
        "otel.kind",
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "request_id",
        "principal",
        "trace_id",
        "span_id",
        "parent_span_id",
        "outcome",
        "otel.status_code",
    ],
};

/// The span of a request, and its trace. Without a span that is the trace of the client.
fn opened(method: &'static str, parent: Option<&TraceContext>) -> (Span, Option<TraceContext>) {
    static SPANS: MessageSpans = MessageSpans::new();
    let callsite = SPANS.at(SpanLevel::Info, "request", &REQUEST, None);
    let Some(recorder) = callsite.recorder(None) else {
        return (Span::none(), parent.cloned());
    };
    let own = parent.map_or_else(TraceContext::start, TraceContext::child);
    let (trace, span) = (own.trace_id(), own.span_id());
    let parent = parent.map(TraceContext::span_id);
    let values: &[Option<&dyn Value>] = &[
        None,
        Some(&"server"),
        Some(&method),
        None,
        None,
        None,
        None,
        Some(&display(&trace)),
        Some(&display(&span)),
        Some(&parent.as_ref().map(display)),
        None,
        None,
    ];
    (callsite.root(&recorder, values), Some(own))
}

/// The method, if it is one of those that the standards know: a client may make up others, and names of
/// spans are few.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "CONNECT" => "CONNECT",
        "OPTIONS" => "OPTIONS",
        "TRACE" => "TRACE",
        "PATCH" => "PATCH",
        "QUERY" => "QUERY",
        _ => "_OTHER",
    }
}
