//! What the server's [`CorsLayer`] says of a request, for answers that are made in many places: in the
//! router, in front of it, and when it panics.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use axum::http::{HeaderMap, Method, Request};
use axum::response::Response;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;

use crate::guarded::{catch, panic_text};

/// Panics, as the layer does, if what it allows contradicts itself.
pub(crate) fn check(cors: &CorsLayer) {
    let _ = cors.layer(());
}

/// The headers that the answer to the request gets.
///
/// The layer itself cannot stand around all that answers: it would answer a preflight before the request's
/// host is looked at, and say nothing of the origin to those who ask whether it may change anything.
pub(crate) async fn headers<B>(cors: &CorsLayer, request: &Request<B>) -> HeaderMap {
    let mut asked = Request::new(Body::empty());
    *asked.method_mut() = match request.method() {
        &Method::OPTIONS if !is_preflight(request.method(), request.headers()) => Method::GET,
        method => method.clone(),
    };
    *asked.uri_mut() = request.uri().clone();
    *asked.headers_mut() = request.headers().clone();
    let empty = service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty())));
    match catch(cors.layer(empty).oneshot(asked)).await {
        Ok(Ok(answer)) => answer.into_parts().0.headers,
        Err(panic) => {
            let panic = panic_text(&*panic);
            tracing::error!(
                panic,
                "what decides on an origin panicked; it is not allowed"
            );
            HeaderMap::new()
        }
    }
}

/// Whether a browser asks what it may send (Fetch, section 3.3.2).
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
