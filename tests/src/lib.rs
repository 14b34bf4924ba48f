//! What several tests need. The tests are in `tests/`.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// What the future gives back, if it is ready now. It is polled once.
pub async fn ready<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| {
        Poll::Ready(match Pin::new(&mut *future).poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}
