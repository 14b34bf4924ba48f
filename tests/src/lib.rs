//! What several tests need. The tests are in `tests/`.

mod floats;
mod folder;
pub mod http;

pub use self::floats::{bits, floats};
pub use self::folder::Folder;

use std::alloc::{GlobalAlloc, Layout, System as Heap};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
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

/// The system's allocator, which knows how many bytes are in use:
/// `#[global_allocator] static ALLOCATOR: Measuring = Measuring;`.
#[derive(Debug)]
pub struct Measuring;

static IN_USE: AtomicI64 = AtomicI64::new(0);

/// How many bytes are in use, if the allocator is [`Measuring`].
pub fn in_use() -> i64 {
    IN_USE.load(Ordering::Relaxed)
}

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Measuring {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { Heap.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { Heap.dealloc(pointer, layout) }
    }
}
