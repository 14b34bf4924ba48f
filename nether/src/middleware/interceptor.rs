//! [`Interceptor`]: what looks at every message of a program that is handled.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::context::Handle;
use crate::error::Rejection;
use crate::guarded::said_last;
use crate::mediator::{Erased, Mediator};
use crate::message::MessageDescriptor;
use crate::middleware::MessageInfo;
use crate::observers::{Ending, Onlooker};

/// Looks at every message that a handler of the program gets, before and after: for an audit, a limit for
/// all, a switch that turns something off, metrics of one's own. Given to
/// [`SystemBuilder::intercept`](crate::SystemBuilder::intercept).
///
/// Both methods are called once for each attempt at a message, in the task of the handler, so they must not
/// block. They run outside of `timeout` and of [middleware](macro@crate::middleware). Messages of the
/// framework itself, and messages that a fake of a test answers, are not seen.
///
/// ```
/// use nether::prelude::*;
/// use nether::{Interceptor, MessageInfo, MessageKind, Rejection};
///
/// /// Nothing is changed while the shop is being counted.
/// struct ReadOnly;
///
/// impl Interceptor for ReadOnly {
///     fn before(&self, info: &MessageInfo<'_>) -> Result<(), Rejection> {
///         match info.kind() {
///             MessageKind::Command => Err(Rejection::new(503, "the shop is being counted")),
///             _ => Ok(()),
///         }
///     }
/// }
///
/// #[command]
/// pub struct Order;
///
/// #[derive(Default)]
/// pub struct Shop;
///
/// #[module(handles = Order)]
/// impl Shop {
///     async fn order(&mut self, _: Order) {}
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// # let system = System::builder().isolated().with::<Shop>();
/// let system = system.intercept(ReadOnly).start().await?;
/// let error = system.context().send(Order).await.unwrap_err();
/// assert!(matches!(error, CallError::Rejected(_)));
/// # Ok(()) }
/// ```
pub trait Interceptor: Send + Sync + 'static {
    /// Is called before the handler, and its middleware.
    ///
    /// # Errors
    /// Why the message is not let through: its handler is not called, and neither are the interceptors behind
    /// this one. A panic does not let it through either; that is a rejection with the status 500. A step of a
    /// saga that is rejected fails the saga; a compensation is sent again, with a warning in the log, until
    /// it is let through.
    fn before(&self, info: &MessageInfo<'_>) -> Result<(), Rejection> {
        let _ = info;
        Ok(())
    }

    /// Is called when the handler has ended, however it ended: in the opposite order, and only if the
    /// interceptor's own `before` let the message through. A panic is logged.
    fn after(&self, info: &MessageInfo<'_>, ended: &Ended<'_>) {
        let _ = (info, ended);
    }
}

/// How one attempt at a message ended.
#[non_exhaustive]
pub struct Ended<'a> {
    /// How.
    pub how: Ending,
    /// How long it took, with its middleware.
    pub took: Duration,
    /// The error of the handler, or the rejection.
    pub error: Option<&'a dyn fmt::Display>,
}

impl fmt::Debug for Ended<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended")
            .field("how", &self.how)
            .field("took", &self.took)
            .finish_non_exhaustive()
    }
}

/// The interceptors of a program, the first one outermost.
#[derive(Clone, Default)]
pub(crate) struct Interceptors(Vec<Arc<dyn Interceptor>>);

impl Interceptors {
    pub(crate) fn add(&mut self, interceptor: impl Interceptor) {
        self.0.push(Arc::new(interceptor));
    }

    /// As the mediator keeps them.
    pub(crate) fn erased(&self) -> Option<Erased> {
        (!self.0.is_empty()).then(|| Arc::new(self.clone()) as Erased)
    }

    fn of(mediator: &Mediator) -> Option<Arc<Self>> {
        let erased = mediator.interceptors.as_ref()?;
        Arc::downcast(Arc::clone(erased) as Arc<dyn Any + Send + Sync>).ok()
    }
}

impl fmt::Debug for Interceptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interceptors").field(&self.0.len()).finish()
    }
}

/// A message that interceptors have seen; it notifies them how it ended, at the latest when it is dropped.
#[derive(Debug)]
pub(crate) struct Intercepted {
    interceptors: Arc<Interceptors>,
    /// How many have let it through.
    passed: usize,
    rejection: Option<Rejection>,
    handle: Handle,
    message: &'static MessageDescriptor,
    module: &'static str,
    began: Instant,
}

impl Intercepted {
    /// Shows a message to the interceptors. `None` if there are none for it.
    #[cold]
    pub(crate) fn begin(
        handle: &Handle,
        message: &'static MessageDescriptor,
        module: &'static str,
    ) -> Option<Self> {
        if message.is_of_framework() {
            return None;
        }
        let interceptors = Interceptors::of(&handle.scope.mediator)?;
        let info = MessageInfo::new(handle, message, module);
        let (mut passed, mut rejection) = (0, None);
        for interceptor in &interceptors.0 {
            rejection = before(&**interceptor, &info).err();
            if rejection.is_some() {
                break;
            }
            passed += 1;
        }
        Some(Intercepted {
            interceptors,
            passed,
            rejection,
            handle: handle.clone(),
            message,
            module,
            began: Instant::now(),
        })
    }
}

impl Onlooker for Intercepted {
    fn rejection(&self) -> Option<&Rejection> {
        self.rejection.as_ref()
    }

    fn end(&mut self, how: Ending, error: Option<&dyn fmt::Display>) {
        let ended = Ended {
            how,
            took: self.began.elapsed(),
            error,
        };
        let info = MessageInfo::new(&self.handle, self.message, self.module);
        let passed = self.interceptors.0[..self.passed].iter().rev();
        self.passed = 0;
        for interceptor in passed {
            let told = catch_unwind(AssertUnwindSafe(|| interceptor.after(&info, &ended)));
            if let Err(panic) = told {
                let (message, panic) = (self.message.name(), said_last(panic));
                tracing::error!(message, panic, "an interceptor panicked after a message");
            }
        }
    }
}

impl Drop for Intercepted {
    fn drop(&mut self) {
        if self.passed > 0 {
            self.end(Ending::CutOff, None);
        }
    }
}

/// Asks an interceptor whether it lets the message through. One that panics lets nothing through.
fn before(interceptor: &dyn Interceptor, info: &MessageInfo<'_>) -> Result<(), Rejection> {
    let asked = catch_unwind(AssertUnwindSafe(|| interceptor.before(info)));
    asked.unwrap_or_else(|panic| {
        let (message, panic) = (info.message(), said_last(panic));
        tracing::error!(message, panic, "an interceptor panicked before a message");
        Err(Rejection::new(
            500,
            "it could not be decided whether this is let through",
        ))
    })
}
