//! Runs the futures of scenarios, which are used in tests that wait for nothing.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What a future gives that is mostly ready at once.
pub(super) fn finished<F>(future: F) -> F::Output
where
    F: Future + Send,
    F::Output: Send,
{
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
        return output;
    }
    in_runtime(future)
}

/// What a future gives that may need a clock.
pub(super) fn in_runtime<F>(future: F) -> F::Output
where
    F: Future + Send,
    F::Output: Send,
{
    // A test may be in a runtime already, and one cannot wait within it.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime without sockets needs nothing of the system");
            runtime.block_on(future)
        });
        let waited = waiting.join();
        waited.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
