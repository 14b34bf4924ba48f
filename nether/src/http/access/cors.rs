//! What the server's [`CorsLayer`] says of a request, for answers that are made in many places: in the
//! router, in front of it, and when it panics.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use axum::http::{HeaderMap, Method, Request, request};
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
pub(crate) async fn headers(cors: &CorsLayer, parts: &request::Parts) -> HeaderMap {
    let mut asked = Request::new(Body::empty());
    *asked.method_mut() = match parts.method {
        Method::OPTIONS if !is_preflight(parts) => Method::GET,
        ref method => method.clone(),
    };
    *asked.uri_mut() = parts.uri.clone();
    *asked.headers_mut() = parts.headers.clone();
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
pub(crate) fn is_preflight(parts: &request::Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(ORIGIN)
        && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
