//! [`StreamPatience`]: how long one stream of HTTP/2 waits for its client to read.
//!
//! A connection of HTTP/2 is let go once nothing moves on it. A client that reads one stream and leaves
//! others alone would keep these, with all that their answers hold, for as long as it likes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::instants::later;

tokio::task_local! {
    /// The stream whose request begins.
    static STREAM: Arc<StreamPatience>;
}

/// What an answer is waiting for on its stream: an odd number while it waits for the client.
#[derive(Debug, Default)]
pub(crate) struct StreamPatience(AtomicU64);

impl StreamPatience {
    /// The patience of the stream whose request begins here.
    pub(crate) fn of_this_stream() -> Option<Arc<Self>> {
        STREAM.try_with(Arc::clone).ok()
    }

    /// The answer waits for the client.
    pub(crate) fn wait(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The client has read what it waited for.
    pub(crate) fn go_on(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Which wait it is, if it waits.
    fn waiting(&self) -> Option<u64> {
        let number = self.0.load(Ordering::Relaxed);
        (number % 2 == 1).then_some(number)
    }
}

/// Runs the streams of a connection of HTTP/2, each in a task of its own, and ends one that is not read.
#[derive(Debug, Clone)]
pub(crate) struct StreamExecutor {
    pub(crate) patience: Duration,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamExecutor {
    fn execute(&self, stream: F) {
        tokio::spawn(PatientStream {
            stream: Box::pin(stream),
            state: Arc::default(),
            is_begun: false,
            clock: None,
            patience: self.patience,
        });
    }
}

struct PatientStream<F> {
    stream: Pin<Box<F>>,
    state: Arc<StreamPatience>,
    is_begun: bool,
    /// The wait that is timed, and its end.
    clock: Option<(u64, Pin<Box<Sleep>>)>,
    patience: Duration,
}

impl<F: Future<Output = ()>> Future for PatientStream<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let PatientStream {
            stream,
            state,
            is_begun,
            clock,
            patience,
        } = &mut *self;
        let polled = if std::mem::replace(is_begun, true) {
            stream.as_mut().poll(cx)
        } else {
            STREAM.sync_scope(Arc::clone(state), || stream.as_mut().poll(cx))
        };
        let (Poll::Pending, Some(wait)) = (polled, state.waiting()) else {
            *clock = None;
            return polled;
        };
        if clock.as_ref().is_none_or(|(timed, _)| *timed != wait) {
            let end = later(Instant::now(), *patience);
            *clock = Some((wait, Box::pin(sleep_until(end))));
        }
        if let Some((_, end)) = clock {
            ready!(end.as_mut().poll(cx));
        }
        tracing::debug!("a stream was ended, since its client does not read");
        Poll::Ready(())
    }
}
