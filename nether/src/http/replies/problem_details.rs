//! [`ProblemDetails`]: a problem as a value, for code that has no error type of its own.

use std::fmt;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::replies::problem::{Details, Problem, Refusal};
use crate::http::request_id::RequestId;

/// A problem (RFC 9457) as a value: what an [authenticator](crate::http::Authenticate) refuses a request
/// with, and an answer of a handler of [`#[routes]`](macro@crate::routes). `?` makes one of every error that
/// derives [`Problem`].
///
/// ```
/// use nether::http::ProblemDetails;
///
/// let problem = ProblemDetails::new(429, "come back tomorrow");
/// assert_eq!(problem.status(), 429);
/// ```
#[derive(Debug, Clone)]
pub struct ProblemDetails(Refusal);

impl ProblemDetails {
    /// A problem with that status, and what is wrong with this request. A status that is not from 400 to 599
    /// becomes 500. With a status of 500 and above, what is wrong is in the log alone.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let status = StatusCode::from_u16(status).ok();
        let status = status.filter(|it| it.is_client_error() || it.is_server_error());
        let details = match status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR) {
            StatusCode::SERVICE_UNAVAILABLE => Details::unavailable(""),
            status if status.is_server_error() => Details::new(status, ""),
            status => Details::explained(status, detail.clone()),
        };
        ProblemDetails(Refusal::new(details, detail))
    }

    /// A 401: credentials are missing or wrong. The answer says by which schemes they may be sent.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        ProblemDetails::new(401, detail)
    }

    /// A 403: it is known who asks, and they may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        ProblemDetails::new(403, detail)
    }

    /// A 503: what is needed to answer does not answer itself, such as the store of sessions.
    pub fn unavailable(reason: impl fmt::Display) -> Self {
        ProblemDetails::new(503, reason.to_string())
    }

    /// The status of the answer.
    pub fn status(&self) -> u16 {
        self.0.parts().0.status().as_u16()
    }

    pub(crate) fn into_refusal(self) -> Refusal {
        self.0
    }
}

impl<E: Problem> From<E> for ProblemDetails {
    fn from(error: E) -> Self {
        ProblemDetails(Refusal::new(Details::of(&error), error.to_string()))
    }
}

impl fmt::Display for ProblemDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (details, reason) = self.0.parts();
        match reason {
            "" => details.status().fmt(f),
            reason => f.write_str(reason),
        }
    }
}

impl IntoResponse for ProblemDetails {
    fn into_response(self) -> Response {
        self.0.response(&RequestId::fresh())
    }
}
