//! A [`Principal`] as an argument of handlers that are written by hand.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request;
use axum::response::{IntoResponse, Response};

use crate::http::identity::identified::principal;
use crate::http::replies::problem_details::ProblemDetails;
use crate::principal::Principal;

/// The principal who asks, in a handler of [`#[routes]`](macro@crate::routes): the one that the server's
/// [authenticator](crate::http::Server::authenticate) has found. A request without one is answered with 401;
/// a handler that takes `Option<Principal>` gets `None`.
impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        let principal = principal(&parts.extensions).cloned();
        principal.ok_or_else(|| {
            ProblemDetails::unauthorized("this is for those who have signed in").into_response()
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Principal {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut request::Parts,
        _: &S,
    ) -> Result<Option<Self>, Self::Rejection> {
        Ok(principal(&parts.extensions).cloned())
    }
}
