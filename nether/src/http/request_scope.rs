//! [`RequestScope`]: the unit of work of one request, from its headers to its answer.

use std::fmt::Display;
use std::future::pending;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, request};
use axum::response::Response;
use tokio::time::{Instant, sleep, sleep_until};

use crate::context::{Context, UnitStart};
use crate::error::ContextError;
use crate::http::endpoints::endpoint::ReplyHeaders;
use crate::http::identity::identified::principal;
use crate::http::observation::ObservedRequest;
use crate::http::replies::failure_log::FailedRequest;
use crate::http::replies::problem::Details;
use crate::http::request_id::RequestId;
use crate::http::server::settings::ServerSettings;
use crate::system::System;

pub(super) const PREFER: HeaderName = HeaderName::from_static("prefer");
pub(super) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How long an answer may wait for the release of a key whose command was not begun in time.
const RELEASE: Duration = Duration::from_secs(1);

/// A request at work.
#[derive(Debug)]
pub(super) struct RequestScope {
    pub(super) ctx: Context,
    /// What the client calls it.
    given: Option<RequestId>,
    /// How many seconds its answer may take, if the client has a wish.
    wait: Option<u64>,
    /// Whether that is less than the server waits.
    pub(super) is_impatient: bool,
}

/// What a client says about the unit of work of its request.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestWishes {
    /// What it calls it.
    pub(super) id: Option<RequestId>,
    /// How many seconds it waits.
    wait: Option<u64>,
}

impl RequestWishes {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        RequestWishes {
            id: RequestId::given(headers),
            wait: wait(headers),
        }
    }
}

impl RequestScope {
    /// Opens the unit of work, as its client wishes.
    pub(super) fn open(
        system: &System,
        settings: &ServerSettings,
        parts: &request::Parts,
        wishes: RequestWishes,
    ) -> Self {
        RequestScope::opened(system, settings, parts, wishes, Context::with_timeout)
    }

    /// Opens a unit of work that has to begin in time, and is finished once it has begun.
    pub(super) fn open_keyed(
        system: &System,
        settings: &ServerSettings,
        parts: &request::Parts,
        wishes: RequestWishes,
    ) -> Self {
        RequestScope::opened(system, settings, parts, wishes, Context::with_start_timeout)
    }

    fn opened(
        system: &System,
        settings: &ServerSettings,
        parts: &request::Parts,
        wishes: RequestWishes,
        limit: fn(Context, Duration) -> Context,
    ) -> Self {
        let mut ctx = system.context();
        let RequestWishes {
            id: given,
            wait: wanted,
        } = wishes;
        let patience = wanted.map_or(Duration::MAX, Duration::from_secs);
        ctx = limit(ctx, patience.min(settings.request_timeout));
        // The header names the bound that holds, in whole seconds.
        let longest = settings.request_timeout.as_secs();
        let wait = wanted.filter(|wanted| longest > 0 || *wanted == 0);
        let wait = wait.map(|wanted| wanted.min(longest));
        if let Some(principal) = principal(&parts.extensions) {
            ctx = ctx.with_principal(principal.clone());
        }
        if let Some(id) = &given {
            ctx = ctx.with(id.clone());
        }
        if let Some(observed) = ObservedRequest::of(&parts.extensions) {
            ctx = observed.enter(ctx, given.as_ref());
        }
        RequestScope {
            ctx,
            given,
            wait,
            is_impatient: patience < settings.request_timeout,
        }
    }

    /// What it is called in the log, and in a problem.
    pub(super) fn request_id(&self) -> RequestId {
        let own = || RequestId::of_context(self.ctx.correlation_id());
        self.given.clone().unwrap_or_else(own)
    }

    /// The end of the client's wait, which the unit of work may outlive.
    pub(super) fn patience(&self) -> ClientPatience {
        ClientPatience {
            until: self.ctx.deadline(),
            start: self.ctx.unit_start(),
            id: self.request_id(),
            wait: self.wait,
        }
    }

    /// The answer of a problem.
    pub(super) fn problem(&self, details: &Details) -> Response {
        details.answer(&self.request_id())
    }

    /// Closes the unit of work, or gives it up if the answer is an error, and sends the answer. What was not
    /// there in time or failed in it counts, whatever was replied before.
    pub(super) async fn close(&self, mut response: Response) -> Response {
        let is_success = response.status().as_u16() < 400;
        if !is_success {
            self.ctx.cancel(); // It failed, as the answer says.
        }
        if let Err(error) = self.ctx.close_kept().await
            && is_success
        {
            response = self.unfinished(&error);
        }
        if let Some(seconds) = self.wait {
            prefer_applied(&mut response, seconds);
        }
        response
    }

    /// The answer of a unit of work whose reply is there, but that did not succeed.
    #[cold]
    fn unfinished(&self, error: &ContextError) -> Response {
        let id = self.request_id();
        let details = if error.unfinished > 0 {
            Details::too_late()
        } else if error.cancelled {
            Details::unavailable("the work was cancelled")
        } else {
            Details::internal()
        };
        self.log_failure(&details, "", &error);
        details.answer(&id)
    }

    /// Logs why there is a problem, if the server is to blame.
    #[cold]
    pub(super) fn log_failure(&self, details: &Details, message: &str, error: &dyn Display) {
        let failed = FailedRequest {
            id: &self.request_id(),
            message,
            error,
            is_impatient: self.is_impatient,
        };
        failed.log(details);
    }
}

/// How long the client of a unit of work waits that is finished in any case.
#[derive(Debug)]
pub(crate) struct ClientPatience {
    until: Option<Instant>,
    pub(super) start: UnitStart,
    id: RequestId,
    wait: Option<u64>,
}

impl ClientPatience {
    /// What the request is called.
    pub(crate) fn id(&self) -> &RequestId {
        &self.id
    }

    /// Waits until the client does not wait any more, and the unit of work goes on without it. A unit of work
    /// that has not begun by then ends by itself, with an answer.
    pub(super) async fn until_over(&self) {
        match self.until {
            Some(until) => sleep_until(until).await,
            None => pending().await,
        }
        if !self.start.has_begun() {
            // It ends now, or does so once its key is released.
            sleep(RELEASE).await;
        }
    }

    /// What the client gets then.
    pub(super) fn too_late(&self) -> Response {
        let mut response = Details::too_late().answer(&self.id);
        if let Some(seconds) = self.wait {
            prefer_applied(&mut response, seconds);
        }
        response
    }

    /// Answers the request with a problem.
    pub(super) fn answer(&self, details: &Details) -> Response {
        details.answer(&self.id)
    }
}

/// Says how long the answer may have taken, as the client wished (RFC 7240, section 3).
#[cold]
fn prefer_applied(response: &mut Response, seconds: u64) {
    let applied = HeaderValue::from_str(&format!("wait={seconds}"));
    let applied = applied.expect("a number is visible ASCII");
    response.headers_mut().insert(PREFERENCE_APPLIED, applied);
}

/// How long the client waits (RFC 7240, section 4.3).
pub(super) fn wait(headers: &HeaderMap) -> Option<u64> {
    let lines = headers.get_all(PREFER).iter();
    let preferences = lines.filter_map(|line| line.to_str().ok());
    let mut preferences = preferences.flat_map(|line| line.split([',', ';']));
    preferences.find_map(|preference| {
        let (name, seconds) = preference.split_once('=')?;
        let is_wait = name.trim().eq_ignore_ascii_case("wait");
        is_wait.then(|| seconds.trim().parse().ok())?
    })
}

/// A reply, ready to be sent.
#[derive(Debug)]
pub(super) struct ReadyReply {
    pub(super) status: StatusCode,
    /// `None` for an answer without content.
    pub(super) json: Option<Vec<u8>>,
    /// What the reply says besides.
    pub(super) headers: Option<ReplyHeaders>,
}

impl ReadyReply {
    pub(super) fn response(self) -> Response {
        let has_content = self.json.is_some();
        let mut response = Response::new(self.json.map_or_else(Body::empty, Body::from));
        *response.status_mut() = self.status;
        if has_content {
            response.headers_mut().insert(CONTENT_TYPE, JSON);
        }
        if let Some(headers) = self.headers {
            response.headers_mut().extend(*headers);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{PREFER, wait};

    #[test]
    fn a_client_says_how_long_it_waits() {
        for (preference, seconds) in [
            ("wait=5", Some(5)),
            ("respond-async, wait=10", Some(10)),
            ("return=minimal; foo, Wait = 7", Some(7)),
            ("wait=soon", None),
            ("wait=-1", None),
            ("waiting=3", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(PREFER, HeaderValue::from_static(preference));
            assert_eq!(wait(&headers), seconds, "{preference}");
        }
    }
}
