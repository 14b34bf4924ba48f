//! [`Answering`]: the body of an answer while it is sent, and [`AtWork`]: a request until that is done.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::{Method, Uri};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::http::connections::patience::StreamPatience;
use crate::http::observation::RequestObserver;

/// The most bytes of an answer that are handed on at once: what is behind them waits for the client to have
/// read, so that it is known who reads.
const PIECE: usize = 64 * 1024;

/// What the requests of a connection do.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// How many requests have come, and pieces of answers gone.
    moved: AtomicU64,
    /// How many requests have not been answered to the last piece.
    at_work: AtomicU32,
    /// How many of them wait for the client to read.
    unread: AtomicU32,
    /// How many answers are being sent.
    sending: AtomicU32,
    /// Set once what is at work is cut off.
    is_cut_off: AtomicBool,
}

impl Activity {
    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Whether no request is at work.
    pub(crate) fn is_idle(&self) -> bool {
        self.at_work.load(Ordering::Acquire) == 0
    }

    pub(crate) fn waits_for_the_client(&self) -> bool {
        self.at_work.load(Ordering::Relaxed) == self.unread.load(Ordering::Relaxed)
    }

    /// Cuts off what is at work.
    pub(crate) fn cut_off(&self) {
        self.is_cut_off.store(true, Ordering::Release);
    }

    pub(crate) fn is_cut_off(&self) -> bool {
        self.is_cut_off.load(Ordering::Acquire)
    }

    /// How many answers are being sent.
    pub(crate) fn sending(&self) -> u32 {
        self.sending.load(Ordering::Relaxed)
    }
}

/// A request that has not been answered to the last piece.
pub(crate) struct AtWork {
    activity: Arc<Activity>,
    /// What watches over the stream, if the connection has several.
    stream: Option<Arc<StreamPatience>>,
    /// What was asked for.
    pub(crate) asked: (Method, Uri),
    /// Whether a piece of its answer was handed on and the next one has not been asked for: it waits for the
    /// client.
    is_unread: bool,
    /// The observer of the request, if it has one.
    pub(in crate::http) observer: Option<Box<RequestObserver>>,
}

impl AtWork {
    pub(in crate::http) fn begin(
        activity: &Arc<Activity>,
        asked: (Method, Uri),
        observer: Option<Box<RequestObserver>>,
    ) -> Self {
        activity.moved.fetch_add(1, Ordering::Relaxed);
        activity.at_work.fetch_add(1, Ordering::Relaxed);
        AtWork {
            activity: Arc::clone(activity),
            stream: StreamPatience::of_this_stream(),
            asked,
            is_unread: false,
            observer,
        }
    }

    /// It waits for the client from now on.
    fn hand_on(&mut self) {
        self.is_unread = true;
        self.activity.unread.fetch_add(1, Ordering::Relaxed);
        if let Some(stream) = &self.stream {
            stream.wait();
        }
    }

    /// It does not wait for the client any more.
    fn go_on(&mut self) {
        if std::mem::take(&mut self.is_unread) {
            self.activity.moved.fetch_add(1, Ordering::Relaxed);
            self.activity.unread.fetch_sub(1, Ordering::Relaxed);
            if let Some(stream) = &self.stream {
                stream.go_on();
            }
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.go_on();
        self.activity.at_work.fetch_sub(1, Ordering::Release);
    }
}

/// The body of an answer, while it is sent.
pub(crate) struct Answering {
    body: Body,
    /// What has come of the body, and was not handed on.
    rest: Bytes,
    at_work: AtWork,
    has_ended: bool,
}

impl Answering {
    /// Begins to send the body. It waits for the client from now on.
    pub(crate) fn new(body: Body, mut at_work: AtWork) -> Self {
        at_work.hand_on();
        at_work.activity.sending.fetch_add(1, Ordering::Relaxed);
        Answering {
            has_ended: body.is_end_stream(),
            body,
            rest: Bytes::new(),
            at_work,
        }
    }

    /// The next piece of what has come.
    fn piece(&mut self) -> Frame<Bytes> {
        self.at_work.hand_on();
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        self.has_ended = self.is_end_stream();
        if let Some(observer) = &mut self.at_work.observer {
            observer.note_sent(piece.len());
        }
        Frame::data(piece)
    }
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.at_work.go_on();
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.piece())));
        }
        let polled = {
            let answering = &mut *self;
            let _entered = (answering.at_work.observer.as_deref()).map(RequestObserver::enter);
            Pin::new(&mut answering.body).poll_frame(cx)
        };
        match ready!(polled) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(match frame.into_data() {
                Ok(data) => {
                    self.rest = data;
                    self.piece()
                }
                Err(trailers) => {
                    self.has_ended = true;
                    trailers
                }
            }))),
            end => {
                self.has_ended = true;
                Poll::Ready(end)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (of_body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(of_body.lower() + rest);
        hint
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.at_work
            .activity
            .sending
            .fetch_sub(1, Ordering::Relaxed);
        if let Some(observer) = &mut self.at_work.observer
            && self.has_ended
        {
            observer.note_end();
        }
        if !self.has_ended && self.at_work.activity.is_cut_off() {
            let (method, uri) = &self.at_work.asked;
            tracing::warn!(%method, path = uri.path(), "an answer was cut off while it was sent");
        }
    }
}
