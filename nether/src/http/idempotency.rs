//! `Idempotency-Key`: a command that comes again under the same key is not done again; its client gets the
//! first answer.
//!
//! After draft-ietf-httpapi-idempotency-key-header. Answers are kept in memory, by one server: a client that
//! comes back after a restart of the program starts anew.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, StatusCode, request};
use axum::response::Response;
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::http::problem::Details;
use crate::http::request_id::RequestId;
use crate::route::BoxFuture;
use crate::sync::lock;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// A longer key is refused.
const LONGEST: usize = 256;

/// How many answers are kept; beyond, the oldest go.
const CAPACITY: usize = 10_000;

/// How many bytes of bodies and of what they are known under are kept; beyond, the oldest answers go.
const BYTES: usize = 64 << 20;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The name of a request, and a fingerprint of its content.
#[derive(Debug)]
pub(super) struct IdempotencyKey {
    /// Method, path and key.
    name: Arc<str>,
    /// A hash of the query and the body: reusing the key with another request is an error of the client.
    fingerprint: u64,
}

impl IdempotencyKey {
    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// If it is no text, or too long.
    pub(super) fn of(parts: &request::Parts, body: &Bytes) -> Result<Option<Self>, Details> {
        let Some(key) = parts.headers.get(HEADER) else {
            return Ok(None);
        };
        let key = key.to_str().ok();
        let is_visible = |key: &&str| key.bytes().all(|byte| byte.is_ascii_graphic());
        let key = key.filter(is_visible);
        let Some(key) = key.filter(|key| !key.is_empty() && key.len() <= LONGEST) else {
            let detail = format!("`Idempotency-Key` must be 1 to {LONGEST} visible characters");
            return Err(Details::new(StatusCode::BAD_REQUEST, detail));
        };
        let mut hasher = DefaultHasher::new();
        (parts.uri.query(), body).hash(&mut hasher);
        Ok(Some(IdempotencyKey {
            name: format!("{} {} {key}", parts.method, parts.uri.path()).into(),
            fingerprint: hasher.finish(),
        }))
    }

    /// Keys of different principals never meet.
    pub(super) fn of_principal(mut self, principal: Option<&str>) -> Self {
        if let Some(principal) = principal {
            self.name = format!("{} {principal:?}", self.name).into();
        }
        self
    }
}

/// The answers that were given.
#[derive(Debug, Default)]
pub(super) struct Idempotency(Mutex<StoredAnswers>);

#[derive(Debug, Default)]
struct StoredAnswers {
    known: HashMap<Arc<str>, KnownKey>,
    /// When which was begun, the oldest first.
    order: VecDeque<(Instant, Arc<str>)>,
    /// How many bytes the names and the bodies of the answers have.
    bytes: usize,
}

#[derive(Debug)]
struct KnownKey {
    begun: Instant,
    fingerprint: u64,
    /// `None` while it is at work.
    answer: Option<Arc<StoredAnswer>>,
}

/// An answer, to be given again.
#[derive(Debug)]
struct StoredAnswer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

enum KeyState {
    /// Nobody has been here with this key.
    First(Instant),
    Again(Arc<StoredAnswer>),
    AtWork,
    Other,
}

/// Does what `first` does if the key is new, and otherwise gives the answer that it had the first time.
pub(super) async fn once(
    idempotency: &Arc<Idempotency>,
    key: IdempotencyKey,
    parts: &request::Parts,
    first: BoxFuture<Response>,
) -> Response {
    match idempotency.enter(&key) {
        KeyState::First(begun) => {
            let idempotency = Arc::clone(idempotency);
            // A task of its own: the answer is kept, also if the client goes away before it is there.
            let working = tokio::spawn(async move {
                let leaving = Leaving {
                    idempotency: &idempotency,
                    key: &key,
                    begun,
                };
                let (response, kept) = keep(first.await).await;
                leaving.with(kept);
                response
            });
            working
                .await
                .unwrap_or_else(|failed| match failed.try_into_panic() {
                    // It goes on as it would have without a key.
                    Ok(panic) => resume_unwind(panic),
                    Err(_) => Details::unavailable("the server is stopping").answer_to(parts),
                })
        }
        KeyState::Again(kept) => kept.response(parts),
        KeyState::AtWork => {
            let detail = "a request with this `Idempotency-Key` is still at work";
            Details::new(StatusCode::CONFLICT, detail).answer_to(parts)
        }
        KeyState::Other => {
            let detail = "this `Idempotency-Key` was used for another request";
            Details::new(StatusCode::UNPROCESSABLE_ENTITY, detail).answer_to(parts)
        }
    }
}

impl Idempotency {
    fn enter(&self, key: &IdempotencyKey) -> KeyState {
        let now = Instant::now();
        let mut answers = lock(&self.0);
        answers.forget(now);
        match answers.known.get(&key.name) {
            Some(known) if known.fingerprint != key.fingerprint => return KeyState::Other,
            Some(KnownKey { answer: None, .. }) => return KeyState::AtWork,
            Some(KnownKey {
                answer: Some(kept), ..
            }) => return KeyState::Again(Arc::clone(kept)),
            None => {}
        }
        let known = KnownKey {
            begun: now,
            fingerprint: key.fingerprint,
            answer: None,
        };
        answers.bytes += key.name.len();
        answers.known.insert(Arc::clone(&key.name), known);
        answers.order.push_back((now, Arc::clone(&key.name)));
        KeyState::First(now)
    }
}

impl StoredAnswers {
    /// Forgets what is too old or too much, the oldest first, but for what is at work.
    fn forget(&mut self, now: Instant) {
        for _ in 0..self.order.len() {
            let is_too_much = self.order.len() >= CAPACITY || self.bytes > BYTES;
            let is_old = |begun: &Instant| now.duration_since(*begun) >= KEPT;
            let oldest = self
                .order
                .pop_front_if(|(begun, _)| is_too_much || is_old(begun));
            let Some((begun, name)) = oldest else {
                return;
            };
            match self.known.get(&name).filter(|known| known.begun == begun) {
                Some(KnownKey { answer: None, .. }) => self.order.push_back((begun, name)),
                Some(_) => self.remove(&name),
                None => {}
            }
        }
    }

    fn remove(&mut self, name: &str) {
        let Some(known) = self.known.remove(name) else {
            return;
        };
        let body = known.answer.map_or(0, |kept| kept.body.len());
        self.bytes -= name.len() + body;
    }
}

/// The end of a first request, however it comes.
struct Leaving<'a> {
    idempotency: &'a Idempotency,
    key: &'a IdempotencyKey,
    begun: Instant,
}

impl Leaving<'_> {
    fn with(self, kept: Option<StoredAnswer>) {
        let mut answers = lock(&self.idempotency.0);
        let known = answers.known.get_mut(&self.key.name);
        if let (Some(known), Some(kept)) = (known.filter(|it| it.begun == self.begun), kept) {
            let bytes = kept.body.len();
            known.answer = Some(Arc::new(kept));
            answers.bytes += bytes;
        }
    }
}

impl Drop for Leaving<'_> {
    /// What has no answer that counts may be tried again.
    fn drop(&mut self) {
        let mut answers = lock(&self.idempotency.0);
        let known = answers.known.get(&self.key.name);
        if known.is_some_and(|it| it.begun == self.begun && it.answer.is_none()) {
            answers.remove(&self.key.name);
        }
    }
}

/// A copy of the answer, unless it is that something went wrong inside: then the next try may do better.
async fn keep(response: Response) -> (Response, Option<StoredAnswer>) {
    if response.status().is_server_error() {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        return (Response::from_parts(parts, Body::empty()), None);
    };
    let body = body.to_bytes();
    let kept = StoredAnswer {
        status: parts.status,
        headers: parts.headers.clone(),
        body: body.clone(),
    };
    (Response::from_parts(parts, Body::from(body)), Some(kept))
}

impl StoredAnswer {
    /// The same answer, to a request with an id of its own.
    fn response(&self, parts: &request::Parts) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        if let Some(id) = RequestId::given(&parts.headers) {
            id.mark(response.headers_mut());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> IdempotencyKey {
        IdempotencyKey {
            name: name.into(),
            fingerprint: 0,
        }
    }

    fn answer(idempotency: &Idempotency, name: &str, bytes: usize) {
        let key = key(name);
        let KeyState::First(begun) = idempotency.enter(&key) else {
            panic!("`{name}` is known");
        };
        let leaving = Leaving {
            idempotency,
            key: &key,
            begun,
        };
        leaving.with(Some(StoredAnswer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: vec![0; bytes].into(),
        }));
    }

    fn is_known(idempotency: &Idempotency, name: &str) -> bool {
        lock(&idempotency.0).known.contains_key(name)
    }

    #[test]
    fn the_oldest_answers_go_when_there_are_too_many() {
        let idempotency = Idempotency::default();
        let at_work = idempotency.enter(&key("at work"));
        assert!(matches!(at_work, KeyState::First(_)));
        for number in 0..CAPACITY + 10 {
            answer(&idempotency, &number.to_string(), 1);
        }
        assert!(!is_known(&idempotency, "0"));
        assert!(is_known(&idempotency, &CAPACITY.to_string()));
        assert!(is_known(&idempotency, "at work"));
        let answers = lock(&idempotency.0);
        assert!(answers.known.len() <= CAPACITY && answers.order.len() <= CAPACITY);
    }

    #[test]
    fn the_oldest_answers_go_when_they_are_too_long() {
        let idempotency = Idempotency::default();
        for name in ["a", "b", "c"] {
            answer(&idempotency, name, BYTES / 2 + 1);
        }
        assert!(!is_known(&idempotency, "a"));
        assert!(is_known(&idempotency, "c"));
    }

    #[test]
    fn long_names_count_as_long_answers_do() {
        let idempotency = Idempotency::default();
        for number in 0..3 {
            let name = format!("{number}{}", "n".repeat(BYTES / 2));
            answer(&idempotency, &name, 1);
            drop(Leaving {
                idempotency: &idempotency,
                key: &key("failed"),
                begun: match idempotency.enter(&key("failed")) {
                    KeyState::First(begun) => begun,
                    _ => panic!("it is known"),
                },
            });
        }
        let answers = lock(&idempotency.0);
        assert_eq!(answers.known.len(), 1);
        let names: usize = answers.known.keys().map(|name| name.len()).sum();
        assert_eq!(answers.bytes, names + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_a_day() {
        let idempotency = Idempotency::default();
        answer(&idempotency, "a", 1);
        tokio::time::advance(KEPT / 2).await;
        answer(&idempotency, "b", 1);
        tokio::time::advance(KEPT / 2).await;
        answer(&idempotency, "c", 1);
        assert!(!is_known(&idempotency, "a"));
        assert!(is_known(&idempotency, "b"));
    }
}
