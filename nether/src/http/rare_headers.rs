//! [`RareHeaders`]: a short way past the look-ups of headers that few requests have.

use std::sync::LazyLock;

use axum::http::header::{
    CONTENT_ENCODING, EXPECT, HeaderMap, HeaderName, ORIGIN, TRANSFER_ENCODING,
};

use crate::http::access::cross_site::SEC_FETCH_SITE;
use crate::http::idempotency::key::IDEMPOTENCY_KEY;
use crate::http::request_id::X_REQUEST_ID;
use crate::http::request_scope::PREFER;

/// The headers that are looked for in each request, and that most requests do not have.
static RARE: [HeaderName; 8] = [
    CONTENT_ENCODING,
    EXPECT,
    IDEMPOTENCY_KEY,
    ORIGIN,
    PREFER,
    SEC_FETCH_SITE,
    TRANSFER_ENCODING,
    X_REQUEST_ID,
];

static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

/// Whether a request has one of the [`RARE`] headers. One walk over the few names that a request has takes
/// less time than to look for each of these.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RareHeaders(bool);

impl RareHeaders {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        RareHeaders(headers.keys().any(|name| RARE.contains(name)))
    }

    /// The headers, to look for a rare one among them; none, if there is no rare one.
    pub(super) fn among(self, headers: &HeaderMap) -> &HeaderMap {
        if self.0 { headers } else { &NONE }
    }
}
