//! [`Rejection`]: a message that middleware or an interceptor did not let through.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// Why a message was not let through: a status, and a text for its sender.
///
/// Middleware ([`#[nether::middleware]`](macro@crate::middleware)) and interceptors
/// ([`Interceptor`](crate::Interceptor)) make one. The caller gets it as
/// [`CallError::Rejected`](crate::CallError::Rejected), a client over HTTP as a problem with this status. A
/// rejection is final: the message is not tried again. It is no failure of the module: a `breaker` does not
/// count it.
///
/// ```
/// use std::time::Duration;
///
/// use nether::Rejection;
///
/// let busy = Rejection::new(429, "come back later").retry_after(Duration::from_secs(5));
/// assert_eq!(busy.status(), 429);
/// assert_eq!(busy.to_string(), "rejected: come back later");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    status: u16,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    challenge: Option<&'static str>,
    /// Whether the handler had begun.
    is_late: bool,
}

impl Rejection {
    /// A rejection with an HTTP status and a text. Clients see both, so the text must contain no secrets.
    ///
    /// # Panics
    /// If the status is not one of an error: from 400 to 599.
    #[track_caller]
    pub fn new(status: u16, detail: impl Into<Cow<'static, str>>) -> Self {
        assert!(
            (400..600).contains(&status),
            "a message is rejected with a status from 400 to 599, not with {status}"
        );
        Rejection {
            status,
            detail: detail.into(),
            retry_after: None,
            challenge: None,
            is_late: false,
        }
    }

    /// Says after how long the message may be let through. Over HTTP it is the header `Retry-After`, in
    /// whole seconds.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Says how to authenticate: over HTTP it is the header `WWW-Authenticate`, which an answer with the
    /// status 401 must have, such as `Bearer`.
    #[must_use]
    pub fn www_authenticate(mut self, challenge: &'static str) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The text for the sender of the message.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Says whether the handler had begun when the message was rejected.
    pub(crate) fn after_handler(mut self, has_begun: bool) -> Self {
        self.is_late = has_begun;
        self
    }

    /// Whether the handler had begun when the message was rejected.
    #[cfg(any(feature = "http", feature = "eventstore"))]
    pub(crate) fn is_late(&self) -> bool {
        self.is_late
    }

    /// After how long the message may be let through, if that was said.
    #[cfg(feature = "http")]
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    /// How to authenticate, if that was said.
    #[cfg(feature = "http")]
    pub(crate) fn challenge(&self) -> Option<&'static str> {
        self.challenge
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rejected: {}", self.detail)
    }
}

impl StdError for Rejection {}
