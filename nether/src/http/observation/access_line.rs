//! The line of a request in the access log.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{Method, StatusCode, Uri, Version};

/// What the line says.
pub(super) struct AccessLine<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) version: Version,
    pub(super) client: SocketAddr,
    pub(super) route: Option<&'a str>,
    /// The status of the answer, if there was one.
    pub(super) status: Option<StatusCode>,
    /// How many of its bytes were sent.
    pub(super) bytes: u64,
    pub(super) took: Duration,
    pub(super) request_id: Option<&'a str>,
    pub(super) trace_id: Option<&'a str>,
    pub(super) outcome: &'static str,
    /// Whether it is one of those that ask all the time.
    pub(super) is_quiet: bool,
}

/// One callsite for each level.
macro_rules! line {
    ($level:ident, $line:expr) => {{
        let line = $line;
        tracing::$level!(
            target: "nether::access",
            method = line.method.as_str(),
            route = line.route,
            path = line.uri.path(),
            status = line.status.map(|status| status.as_u16()),
            bytes = line.bytes,
            duration_ms = line.took.as_secs_f64() * 1000.0,
            client = %line.client.ip(),
            protocol = ?line.version,
            request_id = line.request_id,
            trace_id = line.trace_id,
            outcome = line.outcome,
            "request"
        );
    }};
}

/// Whether a subscriber may want lines at that level.
pub(super) fn may_be_wanted(is_quiet: bool) -> bool {
    match is_quiet {
        true => tracing::level_enabled!(tracing::Level::DEBUG),
        false => tracing::level_enabled!(tracing::Level::INFO),
    }
}

impl AccessLine<'_> {
    /// Writes it. Text from clients is a value of its field, which subscribers quote: it ends no line.
    pub(super) fn log(&self) {
        match self.is_quiet {
            true => line!(debug, self),
            false => line!(info, self),
        }
    }
}
