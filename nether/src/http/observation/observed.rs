//! [`ObservedRequest`]: what those who answer a request note of it, for its span and its line in the log.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request};
use axum::http::Extensions;
use tracing::Span;

use crate::context::Context;
use crate::http::request_id::RequestId;
use crate::principal::Principal;
use crate::trace::TraceContext;

/// The name of the route, as the program has it.
type RouteName = Cow<'static, str>;

/// An observed request, kept in its extensions. Other requests have none.
#[derive(Debug)]
pub(in crate::http) struct ObservedRequest {
    /// Disabled, if no subscriber wants it.
    pub(super) span: Span,
    /// The trace: the request's own span, or else what the client says.
    pub(super) trace: Option<TraceContext>,
    /// Whether it is logged, or has a span.
    pub(super) is_shown: bool,
    /// The method, as spans name it.
    pub(super) method: &'static str,
    pub(super) route: OnceLock<RouteName>,
    pub(super) id: OnceLock<RequestId>,
    pub(super) has_principal: AtomicBool,
}

impl ObservedRequest {
    /// Finds the observed request in its extensions; `None` if it is not observed.
    pub(in crate::http) fn of(extensions: &Extensions) -> Option<&Arc<Self>> {
        extensions.get()
    }

    /// Puts the context of the request into its trace, and notes what the context says about it.
    pub(in crate::http) fn enter(&self, ctx: Context, given: Option<&RequestId>) -> Context {
        if self.is_shown {
            let own = || RequestId::of_context(ctx.correlation_id());
            self.note_id(given.cloned().unwrap_or_else(own));
            if let Some(principal) = ctx.principal() {
                self.note_principal(principal);
            }
        }
        match &self.trace {
            Some(trace) => ctx.with_trace_context(trace.clone()),
            None => ctx,
        }
    }

    fn note_principal(&self, principal: &Principal) {
        if !self.has_principal.swap(true, Ordering::Relaxed) {
            self.span.record("principal", principal.id());
        }
    }

    pub(super) fn note_id(&self, id: RequestId) {
        self.id.get_or_init(|| {
            self.span.record("request_id", id.as_str());
            id
        });
    }

    fn note_route(&self, route: RouteName) {
        self.route.get_or_init(|| {
            self.span.record("http.route", &*route);
            let name = format!("{} {route}", self.method);
            self.span.record("otel.name", name);
            route
        });
    }
}

/// Notes who asks, if the request is observed: also if it comes to no context.
pub(in crate::http) fn note_principal(extensions: &Extensions, principal: &Principal) {
    if let Some(observed) = ObservedRequest::of(extensions) {
        observed.note_principal(principal);
    }
}

/// Notes which route answers the request, if it is observed.
#[inline]
pub(in crate::http) fn note_route(extensions: &Extensions, route: &'static str) {
    if let Some(observed) = ObservedRequest::of(extensions) {
        observed.note_route(Cow::Borrowed(route));
    }
}

/// Notes that one of the routes that are written by hand answers the request.
#[inline]
pub(in crate::http) fn note_matched_route(request: &Request) {
    let extensions = request.extensions();
    if let Some(observed) = ObservedRequest::of(extensions)
        && let Some(matched) = extensions.get::<MatchedPath>()
    {
        observed.note_route(Cow::Owned(matched.as_str().to_owned()));
    }
}

/// Notes that a folder of files answers a request with these extensions.
pub(in crate::http) fn note_folder(extensions: &Extensions, prefix: &str) {
    if let Some(observed) = ObservedRequest::of(extensions) {
        observed.note_route(Cow::Owned(format!("{prefix}/{{*file}}")));
    }
}
