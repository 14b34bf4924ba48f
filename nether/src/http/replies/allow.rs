//! The header `allow` of an answer that came from a router behind others that know its path.
//!
//! axum's routers write what they take themselves into all that their fallbacks answer. What those behind
//! them take is carried past them as an extension, and both are put together at the end.

use std::collections::BTreeSet;

use axum::http::header::{ALLOW, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

/// What the routers take that the answer came by, without the first one.
#[derive(Debug, Clone, Default)]
struct Behind(Vec<HeaderValue>);

/// Takes the answer of a router that is behind another one with the same path.
pub(crate) fn behind(mut response: Response) -> Response {
    let has_come_by = response.extensions().get::<Behind>().is_some();
    let is_refusal = response.status() == StatusCode::METHOD_NOT_ALLOWED;
    if !has_come_by && !is_refusal && response.headers().contains_key(ALLOW) {
        return response; // The handler's own: axum leaves it alone.
    }
    let allowed = response.headers_mut().remove(ALLOW);
    let extensions = response.extensions_mut();
    let behind = extensions.get_or_insert_default::<Behind>();
    behind.0.extend(allowed);
    response
}

/// Says of an answer what all routers take that it came by, if it is that the method is none of them.
pub(crate) fn settle(response: &mut Response) {
    let Some(Behind(behind)) = response.extensions_mut().remove::<Behind>() else {
        return;
    };
    let is_refusal = response.status() == StatusCode::METHOD_NOT_ALLOWED;
    let headers = response.headers_mut();
    let first = headers.remove(ALLOW);
    if is_refusal {
        write(headers, first.into_iter().chain(behind));
    }
}

fn write(headers: &mut HeaderMap, values: impl Iterator<Item = HeaderValue>) {
    let values: Vec<_> = values.collect();
    let values = values.iter().filter_map(|value| value.to_str().ok());
    let methods = values.flat_map(|value| value.split(',')).map(str::trim);
    let methods: Vec<_> = BTreeSet::from_iter(methods).into_iter().collect();
    if let Ok(methods) = HeaderValue::from_str(&methods.join(",")) {
        headers.insert(ALLOW, methods);
    }
}
