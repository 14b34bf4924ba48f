//! [`IdempotencyKeys`]: a command with an `Idempotency-Key` is handled once. A client that sends it again
//! gets its outcome, once there is one.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::context::UnitStart;
use crate::error::CallError;
use crate::escaped::Escaped;
use crate::guarded::{PanicPayload, catch};
use crate::http::replies::problem::{Details, renamed};
use crate::http::replies::unavailable::UnavailableKind;
use crate::http::request_id::X_REQUEST_ID;
use crate::http::request_scope::{ClientPatience, PREFERENCE_APPLIED};
use crate::idempotency::{
    KeyClaim, KeyEnd, KeyLimits, KeyStore, KeyedRequest, KeysInMemory, StoredAnswer,
};
use crate::race::race;
use crate::route::BoxFuture;
use crate::sync::lock;

/// After how many seconds a request is worth another try that is in progress.
const PROGRESS_SECONDS: u32 = 1;

/// After how many seconds in which another process has not settled a key it may have ended.
const LOST_SECONDS: u32 = 60;

/// After how many seconds there may be room for another key.
const FULL_SECONDS: u32 = 60;

/// How often the log says at most that there is no room for keys.
const WARN_AFTER: Duration = Duration::from_secs(60);

/// The keys of a server.
pub(crate) struct IdempotencyKeys {
    store: Mutex<Arc<dyn KeyStore>>,
    /// How many requests with keys are at work, with or without their clients.
    working: watch::Sender<usize>,
    /// When the log said last that there is no room.
    warned: Mutex<Option<Instant>>,
}

impl Default for IdempotencyKeys {
    fn default() -> Self {
        IdempotencyKeys {
            store: Mutex::new(Arc::new(KeysInMemory::new(KeyLimits::default()))),
            working: watch::Sender::new(0),
            warned: Mutex::default(),
        }
    }
}

/// What the handler of the first request with a key came to.
pub(crate) struct FirstAnswer {
    pub(crate) response: Response,
    /// Whether it is not known how far the command came.
    pub(crate) is_unknown: bool,
    /// Whether the command was rejected before its handler had it: the key is free for another try.
    pub(crate) is_rejected: bool,
}

/// Whether the command was rejected before its handler had it.
pub(crate) fn is_rejected<T, E>(called: &Result<T, CallError<E>>) -> bool {
    matches!(called, Err(CallError::Rejected(rejection)) if !rejection.is_late())
}

/// Whether it is not known how far a command came that was begun: a stop cut it off. For one that `resumes`,
/// it is not known either if its store failed, or its saga waits for an operator: the next attempt finds out
/// what came of it.
pub(crate) fn is_unknown<T, E>(called: &Result<T, CallError<E>>, resumes: bool) -> bool {
    match called {
        Err(CallError::Unavailable(error)) => {
            let kind = UnavailableKind::of(error);
            resumes && matches!(kind, UnavailableKind::Other | UnavailableKind::Blocked)
        }
        Err(CallError::Stopped { .. } | CallError::Stopping { .. } | CallError::Closed { .. }) => {
            true
        }
        _ => false,
    }
}

impl IdempotencyKeys {
    /// Keeps keys in that store from now on.
    pub(crate) fn keep_in(&self, store: Arc<dyn KeyStore>) {
        *lock(&self.store) = store;
    }

    /// Does what `first` does if the key of the request is free, and otherwise answers with what is known of
    /// it.
    ///
    /// All of it happens in a task of its own: what was begun is finished and its outcome stored, also if the
    /// client goes away, or is answered before that.
    pub(crate) async fn once(
        self: &Arc<Self>,
        request: KeyedRequest,
        patience: ClientPatience,
        first: BoxFuture<FirstAnswer>,
    ) -> Response {
        let start = patience.start.clone();
        let working = KeyedWork::begin(self);
        let decided = tokio::spawn(async move {
            let keys = Arc::clone(&working.0);
            keys.decide(&request, &start, first).await
        });
        let decided = async { Some(decided.await) };
        let over = async {
            patience.until_over().await;
            None
        };
        match race(decided, over).await {
            None => patience.too_late(),
            Some(Ok(Ok(KeyedAnswer::First(response)))) => response,
            Some(Ok(Ok(KeyedAnswer::Known(claim)))) => self.known(claim, &patience),
            Some(Ok(Ok(KeyedAnswer::Unavailable))) => patience.answer(&Details::unavailable(
                "what idempotency keys are kept in does not answer now",
            )),
            // It goes on as it would have without a key.
            Some(Ok(Err(panic))) => resume_unwind(panic),
            Some(Err(_)) => patience.answer(&Details::unavailable("the server is stopping")),
        }
    }

    async fn decide(
        &self,
        request: &KeyedRequest,
        start: &UnitStart,
        first: BoxFuture<FirstAnswer>,
    ) -> Result<KeyedAnswer, PanicPayload> {
        let store = Arc::clone(&lock(&self.store));
        match store.claim(request).await {
            Ok(KeyClaim::Claimed) => {}
            Ok(known) => return Ok(KeyedAnswer::Known(known)),
            Err(error) => {
                tracing::error!(error = %Escaped(&error), "an idempotency key could not be claimed");
                return Ok(KeyedAnswer::Unavailable);
            }
        }
        let mut unsettled = Unsettled {
            store: &store,
            request: Some(request),
        };
        let ended = catch(first).await;
        let (result, end) = match ended {
            Ok(first) if first.is_rejected || !start.has_begun() => {
                (Ok(first.response), KeyEnd::NeverBegun)
            }
            Ok(first) if first.is_unknown => (Ok(first.response), KeyEnd::Unknown),
            Ok(first) => {
                let (response, answer) = copied(first.response).await;
                (Ok(response), KeyEnd::Answered(answer))
            }
            Err(panic) if !start.has_begun() => (Err(panic), KeyEnd::NeverBegun),
            Err(panic) => (Err(panic), KeyEnd::Answered(internal())),
        };
        store.settle(request, end).await;
        unsettled.request = None;
        result.map(KeyedAnswer::First)
    }

    /// The answer to a request whose key is not free.
    fn known(&self, claim: KeyClaim, patience: &ClientPatience) -> Response {
        let conflict = |detail: &str| Details::explained(StatusCode::CONFLICT, detail.to_owned());
        let details = match claim {
            KeyClaim::Answered(answer) => return again(&answer, patience),
            KeyClaim::Claimed | KeyClaim::InProgress => {
                conflict("a request with this `Idempotency-Key` is still in progress")
                    .retry_after(PROGRESS_SECONDS)
            }
            KeyClaim::InProgressElsewhere(since) => in_progress_elsewhere(since),
            KeyClaim::Unknown => conflict(
                "a request with this `Idempotency-Key` was cut off: it is not known whether it was done. Find that \
                 out before you send it under another key; under this one it is not done again",
            ),
            KeyClaim::OtherRequest => {
                let detail = "this `Idempotency-Key` was used for another request";
                Details::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
            }
            KeyClaim::Full => {
                self.warn_of_no_room();
                let detail = "no further `Idempotency-Key` can be kept now";
                Details::unavailable(detail).retry_after(FULL_SECONDS)
            }
        };
        patience.answer(&details)
    }

    /// Says in the log, now and then, that there is no room.
    #[cold]
    fn warn_of_no_room(&self) {
        let mut warned = lock(&self.warned);
        if warned.is_none_or(|at| at.elapsed() >= WARN_AFTER) {
            *warned = Some(Instant::now());
            drop(warned);
            tracing::warn!(
                "no further idempotency keys are kept, so requests with new ones are refused: see `Server::idempotency_limit`"
            );
        }
    }

    /// Waits until no request with a key is at work.
    pub(crate) async fn idle(&self) {
        let mut working = self.working.subscribe();
        let idle = working.wait_for(|working| *working == 0);
        let _ = idle.await; // The sender is in `self`.
    }
}

/// The problem of a request whose key another process claimed so many seconds ago. It is not known whether
/// that process has ended, so after some time the client has to decide.
fn in_progress_elsewhere(since: u64) -> Details {
    let detail = match since < u64::from(LOST_SECONDS) {
        true => "a request with this `Idempotency-Key` is in progress in another process",
        false => {
            "a request with this `Idempotency-Key` is in progress in another process, or was when that process \
             ended. Find out whether it was done before you send it under another key; under this one it is not \
             done again"
        }
    };
    let wait = u32::try_from(since).unwrap_or(u32::MAX);
    Details::explained(StatusCode::CONFLICT, detail.to_owned())
        .retry_after(wait.clamp(PROGRESS_SECONDS, LOST_SECONDS))
}

/// What became of a request with a key.
enum KeyedAnswer {
    First(Response),
    Known(KeyClaim),
    Unavailable,
}

/// Counts a request with a key as at work.
struct KeyedWork(Arc<IdempotencyKeys>);

impl KeyedWork {
    fn begin(keys: &Arc<IdempotencyKeys>) -> Self {
        keys.working.send_modify(|working| *working += 1);
        KeyedWork(Arc::clone(keys))
    }
}

impl Drop for KeyedWork {
    fn drop(&mut self) {
        self.0.working.send_modify(|working| *working -= 1);
    }
}

/// A key that was claimed. Dropped before it is settled, its request was cut off with its task.
struct Unsettled<'a> {
    store: &'a Arc<dyn KeyStore>,
    request: Option<&'a KeyedRequest>,
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request {
            self.store.abandon(request);
        }
    }
}

/// A copy of the answer, to be kept.
async fn copied(response: Response) -> (Response, StoredAnswer) {
    let (parts, body) = response.into_parts();
    // It is whole already: the answers of messages are no streams.
    let body = body.collect().await.map(|body| body.to_bytes());
    let body = body.unwrap_or_default();
    let answer = StoredAnswer {
        status: parts.status.as_u16(),
        headers: kept_headers(&parts.headers),
        body: Some(body.to_vec()),
    };
    (Response::from_parts(parts, Body::from(body)), answer)
}

/// The headers of an answer that are not about its request alone.
fn kept_headers(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let is_own = |name: &HeaderName| *name == PREFERENCE_APPLIED || *name == X_REQUEST_ID;
    let kept = headers.iter().filter(|(name, _)| !is_own(name));
    let kept = kept.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    kept.collect()
}

/// The answer that is kept for a request whose own answer could not be made.
fn internal() -> StoredAnswer {
    StoredAnswer {
        status: StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
        headers: Vec::new(),
        body: None,
    }
}

/// The first answer, for a request with an id of its own.
fn again(answer: &StoredAnswer, patience: &ClientPatience) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let Some(body) = &answer.body else {
        return patience.answer(&without_body(status));
    };
    let renamed = (status.as_u16() >= 400)
        .then(|| renamed(body, patience.id()))
        .flatten();
    let mut response = Response::new(Body::from(renamed.unwrap_or_else(|| body.clone())));
    *response.status_mut() = status;
    for (name, value) in &answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value))
            && name != CONTENT_LENGTH
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// The repeated answer where the body was not kept: a problem of the same status, or for a success a conflict
/// that names it.
fn without_body(status: StatusCode) -> Details {
    if status.is_client_error() || status.is_server_error() {
        return Details::new(status, "");
    }
    let status = status.as_u16();
    let detail = format!(
        "the request with this `Idempotency-Key` was done and answered with {status}; its answer was too long to be kept"
    );
    Details::new(StatusCode::CONFLICT, detail)
}

impl fmt::Debug for IdempotencyKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyKeys")
            .field("working", &*self.working.borrow())
            .finish_non_exhaustive()
    }
}
