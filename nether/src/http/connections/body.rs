//! [`RequestBody`]: a request's body as it comes, within bounds that hold for every request, whatever reads
//! it: how long it may take, how fast it must come, and how much memory all of them together may take.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::connections::wire::Traffic;
use crate::http::replies::failure_log::refused;
use crate::http::replies::problem::Details;
use crate::http::server::settings::ServerSettings;
use crate::instants::later;

/// So much of each body costs nothing: what bounds the number of requests bounds it. So a few clients with
/// long bodies do not keep out all others.
const FREE: usize = 16 * 1024;

/// A body takes this part of the memory for all at most, but for what is held of it.
const SHARE: usize = 8;

/// How long a body may come more slowly than it must: a connection needs some time to get going.
const GRACE: Duration = Duration::from_secs(5);

/// How many looks at an unwanted body find out whether all of it has come.
const LOOKS: usize = 2;

/// How much memory the bodies take that are being read, over all connections.
#[derive(Debug, Default)]
pub(crate) struct BodyMemory(AtomicUsize);

impl BodyMemory {
    /// Takes so many bytes, if there are no more than `most` with them.
    fn take(&self, bytes: usize, most: usize) -> bool {
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|used| *used <= most)
            });
        taken.is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The bounds of a body.
#[derive(Debug, Clone, Copy)]
struct BodyBounds {
    timeout: Duration,
    /// Bytes a second.
    rate: u32,
    /// The most memory for all bodies.
    memory: usize,
    /// So much of a body counts until its request is answered, whatever became of it. The rest counts while
    /// it is held, so that a handler may take a body of any length piece by piece.
    whole: usize,
}

impl BodyBounds {
    fn of(settings: &ServerSettings) -> Self {
        let memory = settings.body_memory;
        BodyBounds {
            timeout: settings.body_timeout,
            rate: settings.body_rate,
            memory,
            whole: settings.body_limit.min(memory / SHARE).max(FREE),
        }
    }
}

/// What was read of a request's body: held until its answer is there, as its bytes are.
#[derive(Debug)]
pub(crate) struct Intake {
    /// Shared by all connections of the server.
    memory: Arc<BodyMemory>,
    taken: AtomicUsize,
    bounds: BodyBounds,
    has_ended: AtomicBool,
    /// A [`BodyFault`]; 0 while there is none.
    fault: AtomicU8,
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum BodyFault {
    TooLong = 1,
    TooSlow,
    NoMemory,
}

/// The text of a body that does not come; its problem is [`Intake::refusal`]'s.
#[derive(Debug)]
struct BodyError(BodyFault);

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            BodyFault::TooLong => "the body takes too long",
            BodyFault::TooSlow => "the body comes too slowly",
            BodyFault::NoMemory => "there is no memory left for bodies",
        })
    }
}

impl std::error::Error for BodyError {}

impl Intake {
    pub(crate) fn new(memory: &Arc<BodyMemory>, settings: &ServerSettings) -> Arc<Self> {
        Arc::new(Intake {
            memory: Arc::clone(memory),
            taken: AtomicUsize::new(0),
            bounds: BodyBounds::of(settings),
            has_ended: AtomicBool::new(false),
            fault: AtomicU8::new(0),
        })
    }

    /// Whether the body was read to its end.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// The problem of a body that was not read, if it was for one of the bounds.
    pub(crate) fn refusal(&self) -> Option<Details> {
        const TOO_LONG: u8 = BodyFault::TooLong as u8;
        const TOO_SLOW: u8 = BodyFault::TooSlow as u8;
        let bounds = &self.bounds;
        let detail = match self.fault.load(Ordering::Relaxed) {
            0 => return None,
            TOO_LONG => format!("the body took longer than {:?}", bounds.timeout),
            TOO_SLOW => format!(
                "the body came with fewer than {} bytes a second",
                bounds.rate
            ),
            _ => return Some(Details::unavailable("the server is too busy")),
        };
        Some(Details::new(StatusCode::REQUEST_TIMEOUT, detail))
    }

    fn fail(&self, fault: BodyFault) -> axum::Error {
        self.fault.store(fault as u8, Ordering::Relaxed);
        axum::Error::new(BodyError(fault))
    }

    /// Pays for bytes that came, when `before` had come already; returns for how many of them it has paid
    /// only as long as they are held.
    fn pay(&self, before: usize, bytes: usize) -> Result<usize, axum::Error> {
        let end = before.saturating_add(bytes);
        let costs = end.saturating_sub(FREE.max(before));
        let held = end.saturating_sub(self.bounds.whole.max(before));
        if costs > 0 && !self.memory.take(costs, self.bounds.memory) {
            refused(&"the bodies that are read take as much memory as they may");
            return Err(self.fail(BodyFault::NoMemory));
        }
        self.taken.fetch_add(costs - held, Ordering::Relaxed);
        Ok(held)
    }
}

/// Bytes of a body that are paid for while they are held.
struct HeldBytes {
    bytes: Bytes,
    intake: Arc<Intake>,
    paid: usize,
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for HeldBytes {
    /// Gives the bytes back, unless the whole body has come. Bytes that are still held then were collected,
    /// and are now copied to one place: they count until the request is answered.
    fn drop(&mut self) {
        if self.intake.has_ended() {
            self.intake.taken.fetch_add(self.paid, Ordering::Relaxed);
        } else {
            self.intake.memory.give_back(self.paid);
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        let taken = *self.taken.get_mut();
        self.memory.give_back(taken);
    }
}

/// The body of a request.
pub(crate) struct RequestBody {
    incoming: Incoming,
    intake: Arc<Intake>,
    traffic: Arc<Traffic>,
    come: usize,
    /// How long it was waited for in all; handlers may take their time in between.
    waited: Duration,
    /// Since when it is waited for, and what ends that.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Whether the client waits for `100 Continue`, which the first look at the body sends.
    is_awaited: bool,
}

impl RequestBody {
    /// The body of a request; `is_awaited` says whether its client waits to be asked for it.
    pub(crate) fn of(
        incoming: Incoming,
        is_awaited: bool,
        intake: &Arc<Intake>,
        traffic: &Arc<Traffic>,
    ) -> Self {
        RequestBody {
            incoming,
            is_awaited,
            intake: Arc::clone(intake),
            traffic: Arc::clone(traffic),
            come: 0,
            waited: Duration::ZERO,
            waiting: None,
        }
    }

    /// How long the next bytes may be waited for in all, and what is the matter if they are not there then.
    fn patience(&self) -> (Duration, BodyFault) {
        let BodyBounds { timeout, rate, .. } = self.intake.bounds;
        let due = match rate {
            0 => Duration::MAX,
            rate => GRACE + Duration::from_secs(self.come as u64 / u64::from(rate)),
        };
        if due < timeout {
            (due, BodyFault::TooSlow)
        } else {
            (timeout, BodyFault::TooLong)
        }
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<axum::Error> {
        let (patience, fault) = self.patience();
        let left = patience.saturating_sub(self.waited);
        let begin = || {
            let now = Instant::now();
            (now, Box::pin(sleep_until(later(now, left))))
        };
        let (_, clock) = self.waiting.get_or_insert_with(begin);
        ready!(clock.as_mut().poll(cx));
        Poll::Ready(self.intake.fail(fault))
    }

    fn end(&self) {
        self.intake.has_ended.store(true, Ordering::Relaxed);
        self.traffic.complete();
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let body = self.get_mut();
        body.is_awaited = false;
        let Poll::Ready(come) = Pin::new(&mut body.incoming).poll_frame(cx) else {
            return body.poll_late(cx).map(|late| Some(Err(late)));
        };
        if let Some((since, _)) = body.waiting.take() {
            body.waited += since.elapsed();
        }
        let Some(come) = come else {
            body.end();
            return Poll::Ready(None);
        };
        let frame = come.map_err(axum::Error::new)?;
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        let paid = body.intake.pay(body.come, bytes)?;
        body.come = body.come.saturating_add(bytes);
        if body.incoming.is_end_stream() {
            body.end();
        }
        if paid == 0 {
            return Poll::Ready(Some(Ok(frame)));
        }
        let intake = Arc::clone(&body.intake);
        Poll::Ready(Some(Ok(frame.map_data(|bytes| {
            Bytes::from_owner(HeldBytes {
                bytes,
                intake,
                paid,
            })
        }))))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for RequestBody {
    /// One that is small and has come as a whole is not in the way of the next request.
    fn drop(&mut self) {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let most = if self.is_awaited { 0 } else { LOOKS };
        for _ in 0..most {
            if self.intake.has_ended() {
                return;
            }
            match Pin::new(&mut self.incoming).poll_frame(&mut cx) {
                Poll::Ready(Some(Ok(_))) if !self.incoming.is_end_stream() => {}
                Poll::Ready(Some(Ok(_)) | None) => self.end(),
                Poll::Ready(Some(Err(_))) | Poll::Pending => break,
            }
        }
        if !self.intake.has_ended() {
            self.traffic.abandon();
        }
    }
}
