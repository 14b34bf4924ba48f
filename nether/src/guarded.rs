//! [`Guarded`]: a future whose panics are caught.

use std::any::{Any, type_name};
use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::error::{Error, FailureKind, Rejection};
use crate::latency::Timing;
use crate::observers::{Ending, Onlooker};

/// The payload of a panic.
pub(crate) type PanicPayload = Box<dyn Any + Send>;

/// Why a handler did not return.
pub(crate) enum HandlerFault {
    Panicked(PanicPayload),
    /// It took longer than this. Boxed: it is rare, and every reply has room for it.
    TimedOut(Box<Duration>),
    /// Something that it depends on failed, not the handler itself.
    #[cfg_attr(not(feature = "eventstore"), allow(dead_code))]
    Unavailable(Box<Error>),
    /// It was cut off, because its unit of work was cancelled or the deadline of that passed.
    #[cfg_attr(not(feature = "eventstore"), allow(dead_code))]
    UnitEnded(Box<FailureKind>),
    /// Middleware or an interceptor did not let the message through.
    Rejected(Box<Rejection>),
}

/// Polls a future, and catches a panic in it.
pub(crate) struct Guarded<'a, F> {
    future: Pin<&'a mut F>,
    observed: Option<&'a Observed>,
}

/// The observation of a handler that is timed, intercepted, or to crash in a test. Boxed and lent, so that
/// other handlers pay for one check.
#[derive(Debug)]
pub(crate) struct Observed {
    /// Its time, if it is measured.
    pub(crate) _timing: Option<Timing>,
    /// Whether it panics before it is polled, as a test has drawn.
    pub(crate) crashes: bool,
    /// The onlooker through which interceptors are notified.
    pub(crate) onlooker: Option<Box<dyn Onlooker>>,
}

impl Observed {
    /// What keeps the handler from being polled, if anything does.
    fn fault(&self) -> Option<HandlerFault> {
        if self.crashes {
            let text: PanicPayload = Box::new("a crash, drawn by the test");
            return Some(HandlerFault::Panicked(text));
        }
        let rejection = self.onlooker.as_ref()?.rejection()?;
        Some(HandlerFault::Rejected(Box::new(rejection.clone())))
    }

    /// Notifies the onlooker how the handler ended. Not in `Drop`, which could not know that.
    #[cold]
    pub(crate) fn end(&mut self, how: Ending, error: Option<&dyn fmt::Display>) {
        if let Some(onlooker) = &mut self.onlooker {
            onlooker.end(how, error);
        }
    }
}

impl<'a, F: Future> Guarded<'a, F> {
    #[inline]
    pub(crate) fn new(future: Pin<&'a mut F>, observed: Option<&'a Observed>) -> Self {
        Guarded { future, observed }
    }
}

impl<F: Future> Future for Guarded<'_, F> {
    type Output = Result<F::Output, HandlerFault>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let guarded = self.get_mut();
        if let Some(fault) = guarded.observed.and_then(Observed::fault) {
            return Poll::Ready(Err(fault));
        }
        match catch_unwind(AssertUnwindSafe(|| guarded.future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(HandlerFault::Panicked(panic))),
        }
    }
}

/// Runs a future, catches a panic in it, and returns the payload.
pub(crate) async fn catch<F: Future>(future: F) -> Result<F::Output, PanicPayload> {
    let mut future = pin!(future);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

/// Drops a user's value. A panic in its `Drop` is logged, and goes no further.
pub(crate) fn drop_unpanicked<T>(value: T) {
    let mut value = Some(value);
    if let Err(panic) = catch_now(&mut || value = None) {
        report_drop(type_name::<T>(), panic);
    }
}

#[cold]
fn report_drop(value: &str, panic: PanicPayload) {
    let panic = said_last(panic);
    tracing::error!(value, panic, "a `Drop` panicked");
}

/// Calls a user's code beside a handler, and catches a panic in it. The code is behind a pointer, so that
/// what catches the panic is compiled once and not for each type.
pub(crate) fn catch_now(code: &mut dyn FnMut()) -> Result<(), PanicPayload> {
    catch_unwind(AssertUnwindSafe(code))
}

/// The text of a user's value, for logs and reports. A panic in its `Display` goes no further: it is part of
/// the text, and can be asked for.
pub(crate) struct Shielded<'a> {
    value: &'a dyn fmt::Display,
    has_panicked: Cell<bool>,
}

impl<'a> Shielded<'a> {
    pub(crate) fn new(value: &'a dyn fmt::Display) -> Self {
        Shielded {
            value,
            has_panicked: Cell::new(false),
        }
    }

    /// Whether a `Display` panicked so far.
    pub(crate) fn has_panicked(&self) -> bool {
        self.has_panicked.get()
    }
}

impl fmt::Display for Shielded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match catch_unwind(AssertUnwindSafe(|| self.value.fmt(f))) {
            Ok(written) => written,
            Err(panic) => {
                self.has_panicked.set(true);
                write!(
                    f,
                    "(its text is unknown, because `Display` panicked: {})",
                    said_last(panic)
                )
            }
        }
    }
}

/// The text of a panic that is over. Its payload is the user's too, and may panic when it is dropped.
pub(crate) fn said_last(panic: PanicPayload) -> String {
    let text = panic_text(&*panic);
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
    text
}

/// The text of a panic, if it has one.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
        .to_owned()
}

/// A panic as an error.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Error {
    Error::msg(format_args!("panicked: {}", panic_text(panic)))
}
