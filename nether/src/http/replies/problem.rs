//! Errors as clients see them: problem details (RFC 9457), and the trait by which a domain error says which
//! one it is.

use std::fmt::Display;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{StatusCode, request};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::{CallError, Error, HandlerError, Invalid, Rejection, Unavailable};
use crate::http::endpoints::shape::Shape;
use crate::http::replies::echo;
use crate::http::replies::unavailable::UnavailableKind;
use crate::http::request_id::RequestId;

/// An error of the domain that says how clients see it: its status once, where it is defined. Derive it.
///
/// The answer is `application/problem+json` (RFC 9457) with the status and title of the variant, and as
/// `detail` what the error displays. With a status of 500 and above there is no `detail`: what went wrong
/// inside is in the log, under the request's id. An error that is no `Problem` is a 500.
///
/// ```
/// #[derive(Debug, thiserror::Error, nether::Problem)]
/// enum OrderError {
///     #[error("there is nothing to pay")]
///     #[problem(status = 422, title = "Nothing to pay")]
///     NothingToPay,
///     #[error("order {0} is paid already")]
///     #[problem(status = 409)]
///     Paid(String),
/// }
/// ```
///
/// | key | |
/// |---|---|
/// | `status = 409` | from 400 to 599; required, on the variant or above the enum for all variants that say nothing |
/// | `title = ".."` | what such problems are called, the same for all of a kind; the status's own name otherwise |
/// | `type = ".."` | a URI that stands for the kind of problem; `about:blank` otherwise |
/// | `www_authenticate = ".."` | the header `www-authenticate`, which a 401 must have (RFC 9110, section 11.6.1) |
/// | `retry_after = "30s"` | the header `retry-after`, for a 429 or a 503 |
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which problem it is",
    note = "derive it: `#[derive(nether::Problem)]`, with `#[problem(status = 409)]` on each variant"
)]
pub trait Problem: Display {
    /// All kinds of problems that it may be.
    const KINDS: &'static [ProblemKind];

    /// Which of them it is.
    fn kind(&self) -> &'static ProblemKind;
}

/// A kind of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemKind {
    /// The status of the answer.
    pub status: u16,
    /// The title; `None` for the name of the status.
    pub title: Option<&'static str>,
    /// The URI that stands for it; `None` for `about:blank`.
    pub type_uri: Option<&'static str>,
    /// The header `www-authenticate`.
    pub www_authenticate: Option<&'static str>,
    /// The header `retry-after`, in seconds.
    pub retry_after: Option<u32>,
}

/// A problem, as clients see it.
#[derive(Debug, Clone)]
pub struct Details {
    kind: ProblemKind,
    detail: Option<String>,
    fault: ProblemFault,
    /// After how many seconds it is worth another try.
    retry_after: Option<u32>,
}

/// What in the message is wrong.
#[derive(Debug, Clone)]
enum ProblemFault {
    /// Nothing in particular.
    Unknown,
    /// The field.
    Field(String),
    /// All rules that it breaks.
    Rules(Box<[FieldError]>),
}

/// A rule of the message that the request breaks.
#[derive(Debug, Clone, Serialize)]
struct FieldError {
    #[serde(skip_serializing_if = "String::is_empty")]
    field: String,
    detail: String,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    type_uri: &'a str,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
    request_id: &'a str,
}

/// The media type of problems.
pub(crate) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// How many broken rules a problem shows.
const MOST_ERRORS: usize = 64;

/// After how many seconds a system that is busy, or on its way down, is worth another try.
const RETRY_SECONDS: u32 = 1;

impl Details {
    /// What a domain error is to clients.
    pub(crate) fn of<E: Problem>(error: &E) -> Self {
        let kind = *error.kind();
        Details {
            kind,
            detail: (kind.status < 500).then(|| echo::own(error.to_string())),
            fault: ProblemFault::Unknown,
            retry_after: kind.retry_after,
        }
    }

    /// A problem of the framework's own. What it repeats of the request is cut short.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Details {
            kind: ProblemKind {
                status: status.as_u16(),
                title: None,
                type_uri: None,
                www_authenticate: None,
                retry_after: None,
            },
            detail: (!detail.is_empty()).then(|| echo::abridged(detail)),
            fault: ProblemFault::Unknown,
            retry_after: None,
        }
    }

    /// A problem of the framework's own that says what to do about it, and repeats little of the request.
    pub(crate) fn explained(status: StatusCode, detail: String) -> Self {
        Details {
            detail: (!detail.is_empty()).then(|| echo::own(detail)),
            ..Details::new(status, "")
        }
    }

    /// A problem with one field of the message.
    pub(crate) fn in_field(mut self, field: Option<String>) -> Self {
        if let Some(field) = field {
            self.fault = ProblemFault::Field(echo::abridged(field));
        }
        self
    }

    /// It is worth another try after that many seconds.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Something inside went wrong, of which clients learn nothing.
    pub(crate) fn internal() -> Self {
        Details::new(StatusCode::INTERNAL_SERVER_ERROR, "")
    }

    /// The system cannot do it now.
    pub(crate) fn unavailable(detail: &str) -> Self {
        let mut details = Details::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        details.retry_after = Some(RETRY_SECONDS);
        details
    }

    /// The system cannot do it for that long.
    fn unavailable_for(detail: &str, wait: Duration) -> Self {
        let mut details = Details::unavailable(detail);
        let seconds = wait.as_millis().div_ceil(1000).try_into();
        details.retry_after = Some(seconds.unwrap_or(u32::MAX).max(RETRY_SECONDS));
        details
    }

    /// The request has no principal, and this requires one.
    pub(crate) fn not_signed_in() -> Self {
        let detail = "this is for those who have signed in";
        Details::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// The principal may not do this: the role is missing, or the principal is not the one that it would have
    /// to be.
    pub(crate) fn forbidden(role: Option<&str>) -> Self {
        let detail = role.map(|role| format!("this requires the role `{role}`"));
        Details::explained(StatusCode::FORBIDDEN, detail.unwrap_or_default())
    }

    /// It took longer than the client, or the server, waits.
    pub(crate) fn too_late() -> Self {
        let detail = "the answer was not there in time; what was asked for may still be done";
        Details::new(StatusCode::GATEWAY_TIMEOUT, detail)
    }

    /// Why a call brought no reply. `own` says which problem the handler's own error is.
    pub(crate) fn of_call<E: HandlerError>(
        error: &CallError<E>,
        own: fn(&E) -> Option<Details>,
    ) -> Self {
        match error {
            CallError::Handler(error) => own(error).unwrap_or_else(Details::internal),
            CallError::TimedOut(_) | CallError::DeadlineExceeded { .. } => Details::too_late(),
            CallError::NoRoute(_) => {
                Details::unavailable("what would answer this is not running now")
            }
            CallError::Stopping { .. } | CallError::Stopped { .. } | CallError::Closed { .. } => {
                Details::unavailable("the server is stopping")
            }
            CallError::Unavailable(unavailable) => Details::of_unavailable(unavailable),
            CallError::Rejected(rejection) => Details::of_rejection(rejection),
            CallError::CrashLooping(error) => Details::unavailable_for(
                "what would answer this failed too often, and is being recovered",
                error.retry_in(),
            ),
            CallError::BreakerOpen { .. } | CallError::Full { .. } => {
                Details::unavailable("the server is too busy")
            }
            CallError::Cancelled { .. } => Details::unavailable("the work was cancelled"),
            CallError::Forbidden(forbidden) if forbidden.principal.is_none() => {
                Details::not_signed_in()
            }
            CallError::Forbidden(forbidden) => Details::forbidden(forbidden.role),
            CallError::Invalid(invalid) => Details::of_invalid(invalid),
            CallError::Panicked(_) | CallError::TooDeep(_) | CallError::Deadlock(_) => {
                Details::internal()
            }
        }
    }

    /// Which rules the message breaks. There are as many as it has fields and elements, so not all are shown.
    fn of_invalid(invalid: &Invalid) -> Self {
        let count = invalid.violations.count();
        let detail = match count {
            0..=MOST_ERRORS => "the message breaks its rules".to_owned(),
            _ => format!(
                "the message breaks its rules {count} times; the first {MOST_ERRORS} are shown"
            ),
        };
        let shown = invalid.violations.iter().take(MOST_ERRORS);
        let errors = shown.map(|violation| FieldError {
            field: echo::abridged(violation.field.clone()),
            detail: echo::abridged(violation.detail.clone()),
        });
        Details {
            fault: ProblemFault::Rules(errors.collect()),
            ..Details::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
    }

    /// Names the fields of its errors as clients do: a path begins with the name of a field in Rust.
    pub(crate) fn with_names(mut self, shape: Shape) -> Self {
        if let ProblemFault::Rules(errors) = &mut self.fault {
            errors
                .iter_mut()
                .for_each(|error| shape.rename(&mut error.field));
        }
        self
    }

    /// Why a message was not let through. Its text was written for clients.
    fn of_rejection(rejection: &Rejection) -> Self {
        let wait = rejection.wait();
        let seconds = wait.map(|wait| wait.as_millis().div_ceil(1000).try_into());
        Details {
            kind: ProblemKind {
                status: rejection.status(),
                www_authenticate: rejection.challenge(),
                ..INTERNAL
            },
            detail: Some(echo::own(rejection.detail().to_owned())),
            fault: ProblemFault::Unknown,
            retry_after: seconds.map(|seconds| seconds.unwrap_or(u32::MAX)),
        }
    }

    /// Why an aggregate, a decision or a saga has no answer to the command.
    fn of_unavailable(unavailable: &Unavailable) -> Self {
        match UnavailableKind::of(unavailable) {
            UnavailableKind::IdReused => {
                let detail = "this `Idempotency-Key` was used for another request";
                Details::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
            }
            UnavailableKind::Archived => Details::new(StatusCode::GONE, "this is archived"),
            UnavailableKind::Unanswerable => Details::internal(),
            UnavailableKind::Blocked => Details::unavailable(
                "this has begun, and does not go on before an operator sees to it",
            ),
            UnavailableKind::Other => {
                Details::unavailable("what this is kept in does not answer now")
            }
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer to a request with that id.
    pub(crate) fn answer(&self, request: &RequestId) -> Response {
        let status = self.status();
        let (field, errors): (_, &[FieldError]) = match &self.fault {
            ProblemFault::Unknown => (None, &[]),
            ProblemFault::Field(field) => (Some(field.as_str()), &[]),
            ProblemFault::Rules(errors) => (None, errors),
        };
        let document = Document {
            type_uri: self.kind.type_uri.unwrap_or("about:blank"),
            title: self.kind.title.unwrap_or_else(|| title_of(status)),
            status: status.as_u16(),
            detail: self.detail.as_deref(),
            field,
            errors,
            request_id: request.as_str(),
        };
        // Strings and a number: there is nothing in it that could not be written.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response =
            (status, [(CONTENT_TYPE, PROBLEM_JSON)], Body::from(body)).into_response();
        let challenge = self.kind.www_authenticate.map(HeaderValue::from_str);
        // The derive has looked at it; one that is written by hand may be none.
        if let Some(Ok(challenge)) = challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        request.mark(response.headers_mut());
        response
    }

    /// The answer to a request of which that much is known.
    pub(crate) fn answer_to(&self, parts: &request::Parts) -> Response {
        self.answer(&RequestId::of(&parts.headers))
    }
}

/// What stands before the id of the request in a problem, of which it is the last member.
const ID_MEMBER: &str = ",\"request_id\":";

/// The problem, with the id of another request: that of the one to which it is repeated. `None` if the body
/// is no problem of ours.
pub(crate) fn renamed(problem: &[u8], request: &RequestId) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(problem).ok()?;
    let (before, id) = text.rsplit_once(ID_MEMBER)?;
    serde_json::from_str::<String>(id.strip_suffix('}')?).ok()?;
    let id = serde_json::to_string(request.as_str()).ok()?;
    Some(format!("{before}{ID_MEMBER}{id}}}").into_bytes())
}

/// Why a call brought no reply, in the answer of a handler that does not know what the request is called.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    details: Details,
    error: String,
}

impl Refusal {
    pub(crate) fn new(details: Details, error: String) -> Self {
        Refusal { details, error }
    }

    /// The answer under an id that stands in for that of the request, until that is known.
    pub(crate) fn response(self, id: &RequestId) -> Response {
        let mut response = self.details.answer(id);
        response.extensions_mut().insert(self);
        response
    }

    /// The answer to the request with that id.
    pub(crate) fn answer(&self, id: &RequestId) -> Response {
        self.details.answer(id)
    }

    /// The problem, and the text of the error.
    pub(crate) fn parts(&self) -> (&Details, &str) {
        (&self.details, &self.error)
    }
}

/// A problem that says all there is to say.
impl From<Details> for Refusal {
    fn from(details: Details) -> Self {
        Refusal::new(details, String::new())
    }
}

/// The problem that an endpoint would answer with, under the id of the request: for handlers of
/// [`#[routes]`](macro@crate::routes).
///
/// ```
/// use nether::http::RequestContext;
/// use nether::prelude::*;
///
/// #[derive(Debug, thiserror::Error, nether::Problem)]
/// #[error("sold out")]
/// #[problem(status = 409)]
/// pub struct SoldOut;
///
/// #[command(reply = String, error = SoldOut)]
/// pub struct Buy;
///
/// #[derive(Default)]
/// pub struct Desk;
///
/// #[module(handles = Buy)]
/// impl Desk {
///     async fn buy(&mut self, _: Buy) -> Result<String, SoldOut> {
///         Err(SoldOut)
///     }
/// }
///
/// async fn ticket(ctx: RequestContext) -> Result<String, CallError<SoldOut>> {
///     ctx.send(Buy).await
/// }
///
/// #[nether::routes]
/// fn router() -> axum::Router<System> {
///     axum::Router::new().route("/ticket", axum::routing::post(ticket))
/// }
/// ```
impl<E: Problem + HandlerError> IntoResponse for CallError<E> {
    fn into_response(self) -> Response {
        let details = Details::of_call(&self, |error| Some(Details::of(error)));
        Refusal::new(details, self.to_string()).response(&RequestId::fresh())
    }
}

/// An error that says nothing of its own is a 500; it is in no description.
impl Problem for Error {
    const KINDS: &'static [ProblemKind] = &[];

    fn kind(&self) -> &'static ProblemKind {
        &INTERNAL
    }
}

const INTERNAL: ProblemKind = ProblemKind {
    status: 500,
    title: None,
    type_uri: None,
    www_authenticate: None,
    retry_after: None,
};

/// The name of a status.
pub(crate) fn title_of(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Problem")
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::http::header::HeaderMap;
    use http_body_util::BodyExt;

    use super::{Details, renamed};
    use crate::http::request_id::{RequestId, X_REQUEST_ID};

    fn id(text: &str) -> RequestId {
        let headers = HeaderMap::from_iter([(X_REQUEST_ID, text.parse().expect("it is visible"))]);
        RequestId::given(&headers).expect("it is sane")
    }

    #[tokio::test]
    async fn a_problem_that_is_repeated_has_the_id_of_its_request() {
        let details = Details::new(StatusCode::CONFLICT, "no \",\"request_id\":\"x\"}");
        for (first, second) in [("a", "b"), ("\",\"request_id\":\"", "\\\""), ("", "c")] {
            let first = if first.is_empty() {
                RequestId::fresh()
            } else {
                id(first)
            };
            let body = async |id: &RequestId| {
                let body = details.answer(id).into_body().collect().await;
                body.expect("it is whole").to_bytes()
            };
            let second = id(second);
            let told = renamed(&body(&first).await, &second);
            assert_eq!(told.expect("it is a problem"), body(&second).await);
        }
        for other in [&b"{}"[..], b"{\"a\":1,\"request_id\":7}", b"\xff"] {
            assert_eq!(renamed(other, &id("a")), None);
        }
    }
}
