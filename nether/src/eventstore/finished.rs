//! Runs the futures of scenarios, which are used in tests that wait for nothing.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What a future gives that is mostly ready at once.
pub(super) fn finished<F>(future: F) -> F::Output
where
    F: Future + Send,
    F::Output: Send,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without sockets needs nothing of the system");
    let mut future = pin!(future);
    let first = {
        // Whatever it waits for belongs to the runtime in which it is awaited, and not to that of a test.
        let _entered = runtime.enter();
        let mut cx = Context::from_waker(Waker::noop());
        future.as_mut().poll(&mut cx)
    };
    let output = match first {
        Poll::Ready(output) => output,
        // A test may be in a runtime already, and one cannot wait within it.
        Poll::Pending => std::thread::scope(|scope| {
            let waited = scope.spawn(|| runtime.block_on(future)).join();
            waited.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        }),
    };
    runtime.shutdown_background();
    output
}
