//! [`ToTheEnd`]: an answer that is being made, which a client that goes away does not always end.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::response::Response;
use tokio::runtime::Handle;

use crate::http::connections::permits::RequestPermit;
use crate::route::BoxFuture;

/// Makes an answer. A command that [has begun](RequestPermit::begin) goes on to its end in a task of its own,
/// if no client waits for it any more.
pub(crate) struct ToTheEnd {
    making: Option<BoxFuture<Response>>,
    /// The place of the request, which is at work until this is done.
    permit: Option<RequestPermit>,
}

impl ToTheEnd {
    /// The answer to the request that has this place.
    pub(crate) fn new(making: BoxFuture<Response>, permit: RequestPermit) -> Self {
        ToTheEnd {
            making: Some(making),
            permit: Some(permit),
        }
    }

    /// An answer that is not needed once its client has left.
    pub(crate) fn unless_left(making: BoxFuture<Response>) -> Self {
        ToTheEnd {
            making: Some(making),
            permit: None,
        }
    }
}

impl Future for ToTheEnd {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        // Not in its place while it is polled: one that panics does not go on.
        let mut making = (self.making.take()).expect("a future is not polled after it is ready");
        let polled = making.as_mut().poll(cx);
        if polled.is_pending() {
            self.making = Some(making);
        }
        polled
    }
}

impl Drop for ToTheEnd {
    fn drop(&mut self) {
        let (Some(making), Some(permit)) = (self.making.take(), self.permit.take()) else {
            return;
        };
        if permit.has_begun()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                let _permit = permit;
                making.await
            });
        }
    }
}
