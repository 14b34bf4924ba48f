//! [`RouteBody`]: the body of a request to a route, which must come in time.
//!
//! How long it may be is axum's to say, whose extractors read it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::error::Error;

/// Set once a body has not come in time.
#[derive(Debug, Clone, Default)]
pub(super) struct TooSlow(Arc<AtomicBool>);

impl TooSlow {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A body that fails if it does not come to its end in time. The time counts from when somebody first waits
/// for it: a handler may do something else before.
pub(super) struct RouteBody {
    body: Body,
    timeout: Duration,
    clock: Option<Pin<Box<Sleep>>>,
    too_slow: TooSlow,
}

impl RouteBody {
    pub(super) fn new(body: Body, timeout: Duration, too_slow: TooSlow) -> Self {
        RouteBody {
            body,
            timeout,
            clock: None,
            too_slow,
        }
    }
}

impl HttpBody for RouteBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if polled.is_ready() {
            return polled;
        }
        let timeout = this.timeout;
        let clock = this.clock.get_or_insert_with(|| Box::pin(sleep(timeout)));
        if clock.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        this.too_slow.0.store(true, Ordering::Relaxed);
        this.body = Body::empty();
        let error = Error::msg("the body did not come in time");
        Poll::Ready(Some(Err(axum::Error::new(error))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
