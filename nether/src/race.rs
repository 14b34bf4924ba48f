//! The first of two futures.
//!
//! `tokio::select!` would do it too, but it lives behind a feature that builds a second `syn` for every user.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// What the first of the two to end gives back; the other is dropped. If both are ready, the first one
/// counts.
pub async fn race<T>(first: impl Future<Output = T>, second: impl Future<Output = T>) -> T {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|cx| match first.as_mut().poll(cx) {
        Poll::Pending => second.as_mut().poll(cx),
        ready => ready,
    })
    .await
}
