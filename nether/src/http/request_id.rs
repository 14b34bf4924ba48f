//! [`RequestId`]: what a request is called, by its client or by us.

use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::scope::ContextId;

/// The header in which it comes and goes.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A longer one of a client's is not taken.
const LONGEST: usize = 128;

/// The id of a request: the header `x-request-id` from its client, if that is at most 128 visible characters,
/// or else the correlation id of the request's context. It is in every problem and in the log beside the
/// error. If the client sent it, it is also in the header `x-request-id` of the answer, and in the context of
/// the request: `ctx.baggage::<nether::http::RequestId>()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// What the client says.
    pub(super) fn given(headers: &HeaderMap) -> Option<Self> {
        let id = headers.get(X_REQUEST_ID)?;
        let is_sane = !id.is_empty() && id.len() <= LONGEST && id.to_str().is_ok();
        is_sane.then(|| RequestId(id.clone()))
    }

    /// What the client says, or a new one.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        RequestId::given(headers).unwrap_or_else(RequestId::fresh)
    }

    /// For a request that came to no context.
    pub(super) fn fresh() -> Self {
        RequestId::of_text(&Uuid::now_v7().to_string())
    }

    pub(super) fn of_context(id: ContextId) -> Self {
        RequestId::of_text(&id.to_string())
    }

    fn of_text(id: &str) -> Self {
        RequestId(HeaderValue::from_str(id).expect("a UUID is visible ASCII"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Tells it to the client.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(X_REQUEST_ID, self.0.clone());
    }
}
