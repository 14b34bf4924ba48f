//! What the log has of requests that failed: an error each if it is the server's, and no more than clients
//! may decide otherwise.

use std::fmt::Display;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::Instant;

use crate::escaped::Escaped;
use crate::http::replies::problem::Details;
use crate::http::request_id::RequestId;
use crate::sync::lock;

/// How often refused requests are logged.
const INTERVAL: Duration = Duration::from_secs(1);

/// A request that failed.
pub(crate) struct FailedRequest<'a> {
    pub(crate) id: &'a RequestId,
    /// The name of its message; empty if it has none.
    pub(crate) message: &'a str,
    pub(crate) error: &'a dyn Display,
    /// Whether its client waits for less time than the server.
    pub(crate) is_impatient: bool,
}

impl FailedRequest<'_> {
    /// Logs it, if it is the server that failed. A server that refuses requests says so once a second; a
    /// client that does not wait has no one to tell.
    #[cold]
    pub(crate) fn log(&self, details: &Details) {
        let (id, message, error) = (self.id.as_str(), self.message, self.error);
        match details.status() {
            StatusCode::SERVICE_UNAVAILABLE => {
                tracing::debug!(request_id = id, message, error = %Escaped(error), "a request was refused");
                refused(error);
            }
            StatusCode::GATEWAY_TIMEOUT if self.is_impatient => {
                tracing::debug!(request_id = id, message, error = %Escaped(error), "a client did not wait");
            }
            status if status.is_server_error() => {
                tracing::error!(request_id = id, message, error = %Escaped(error), "a request failed");
            }
            _ => {}
        }
    }
}

/// Refused requests that have not been logged.
struct Unsaid {
    count: AtomicU64,
    last: Mutex<Option<Instant>>,
}

/// Those of the whole program, as it has one log.
static UNSAID: Unsaid = Unsaid {
    count: AtomicU64::new(0),
    last: Mutex::new(None),
};

/// Logs that requests are refused: one line a second with their number, however many there are.
#[cold]
pub(crate) fn refused(why: &dyn Display) {
    UNSAID.count.fetch_add(1, Ordering::Relaxed);
    {
        let (mut last, now) = (lock(&UNSAID.last), Instant::now());
        if last.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            return;
        }
        *last = Some(now);
    }
    let count = UNSAID.count.swap(0, Ordering::Relaxed);
    tracing::warn!(count, why = %Escaped(why), "requests are refused");
}
