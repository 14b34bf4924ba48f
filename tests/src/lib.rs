//! What several tests need. The tests are in `tests/`.

mod account;
pub mod company;
mod floats;
mod folder;
pub mod frames;
pub mod http;
mod lines;

pub use self::floats::{bits, floats};
pub use self::folder::Folder;
pub use self::lines::Lines;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use stats_alloc::INSTRUMENTED_SYSTEM;

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

/// How many bytes are in use, if the allocator is [`INSTRUMENTED_SYSTEM`].
pub fn in_use() -> i64 {
    let stats = INSTRUMENTED_SYSTEM.stats();
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}
