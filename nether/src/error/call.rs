//! [`SendError`], a message that was not accepted, and [`CallError`], a call without a reply.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::declaration::Declaration;
use crate::error::boxed::HandlerError;
use crate::error::crash_looping::CrashLooping;
use crate::error::deadlock::Deadlock;
use crate::error::forbidden::Forbidden;
use crate::error::invalid::Invalid;
use crate::error::rejection::Rejection;
use crate::error::unavailable::Unavailable;

/// The error of [`process`](crate::Context::process) and [`publish`](crate::Context::publish): the message
/// was not accepted, and will not be handled. If `publish` waited for room in one module, other modules may
/// have the event already.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SendError {
    /// No running module handles the message.
    NoRoute(Box<NoRoute>),
    /// The module that handles it crashed too often, and is left alone until its next try.
    CrashLooping(Box<CrashLooping>),
    /// The module that handles it has stopped.
    Stopped {
        /// The message's name.
        message: &'static str,
    },
    /// The `breaker` of the module that handles it is open, because the module failed too often.
    BreakerOpen {
        /// The message's name.
        message: &'static str,
    },
    /// There is no room for it now, and neither [`try_process`](crate::Context::try_process) nor
    /// [`spawn`](crate::Context::spawn) waits.
    Full {
        /// The message's name.
        message: &'static str,
    },
    /// The system is stopping and takes no new work.
    Stopping {
        /// The message's name.
        message: &'static str,
    },
    /// The context is closed, or closing and so refuses new work of its own.
    Closed {
        /// The message's name.
        message: &'static str,
    },
    /// The context was cancelled.
    Cancelled {
        /// The message's name.
        message: &'static str,
    },
    /// The context's deadline passed before the message was accepted.
    DeadlineExceeded {
        /// The message's name.
        message: &'static str,
    },
    /// The chain of causes is too long: messages cause each other without end.
    TooDeep(Box<TooDeep>),
    /// The reply would never come: the module that handles the message waits, itself or through others, for
    /// the one that sends it.
    Deadlock(Box<Deadlock>),
    /// The message requires what the principal of the unit of work does not have.
    Forbidden(Box<Forbidden>),
    /// The message breaks its own rules (`validate`).
    Invalid(Box<Invalid>),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::NoRoute(error) => error.fmt(f),
            SendError::Stopped { message } => {
                write!(f, "the module that handles `{message}` has stopped")
            }
            SendError::BreakerOpen { message } => {
                write!(
                    f,
                    "the module that handles `{message}` fails, and is left alone for a while"
                )
            }
            SendError::CrashLooping(error) => error.fmt(f),
            SendError::Full { message } => {
                write!(
                    f,
                    "there is no room for `{message}` now, in its module or in the system"
                )
            }
            SendError::Stopping { message } => {
                write!(f, "the system is stopping and refused `{message}`")
            }
            SendError::Closed { message } => {
                write!(f, "the context is closed and refused `{message}`")
            }
            SendError::Cancelled { message } => write!(
                f,
                "the context was cancelled before `{message}` was handled"
            ),
            SendError::DeadlineExceeded { message } => {
                write!(
                    f,
                    "the context's deadline passed before `{message}` was handled"
                )
            }
            SendError::TooDeep(error) => error.fmt(f),
            SendError::Deadlock(error) => error.fmt(f),
            SendError::Forbidden(error) => error.fmt(f),
            SendError::Invalid(error) => error.fmt(f),
        }
    }
}

impl StdError for SendError {}

/// A refused message, handed back with the reason, by [`try_send`](crate::Context::try_send) and
/// [`try_process`](crate::Context::try_process).
#[derive(Clone)]
pub struct TrySendError<M> {
    /// The message, as it was given.
    pub message: M,
    /// Why.
    pub error: SendError,
}

impl<M> fmt::Debug for TrySendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrySendError")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl<M> fmt::Display for TrySendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<M> StdError for TrySendError<M> {}

/// The error of [`send`](crate::Context::send) and [`ask`](crate::QueryContext::ask). `E` is the error that
/// the message declares.
///
/// [`Display`](fmt::Display) and [`source`](StdError::source) are those of the handler's error, if it is one.
///
/// # In a handler
///
/// `?` makes a [`nether::Error`](crate::Error) of it. A handler with an error of its own says what becomes of
/// both: of the other handler's error, and of the reasons why there is no reply. With `thiserror`, a variant
/// `#[from] CallError<..>` takes all. If the two declare the same error, pass that on, and make a
/// variant for the rest:
///
/// ```
/// use nether::prelude::*;
///
/// #[derive(Debug, thiserror::Error)]
/// pub enum ShowError {
///     #[error("the show is sold out")]
///     SoldOut,
///     #[error("nobody can tell now: {0}")]
///     Unknown(String),
/// }
///
/// impl From<CallError<ShowError>> for ShowError {
///     fn from(error: CallError<ShowError>) -> Self {
///         let own = error.into_handler_error();
///         own.unwrap_or_else(|other| ShowError::Unknown(other.to_string()))
///     }
/// }
///
/// #[command(error = ShowError)]
/// pub struct Hold;
///
/// #[command(error = ShowError)]
/// pub struct Sell;
///
/// #[derive(Default)]
/// pub struct Seats;
///
/// #[module(handles = Hold)]
/// impl Seats {
///     async fn hold(&mut self, _: Hold) -> Result<(), ShowError> {
///         Err(ShowError::SoldOut)
///     }
/// }
///
/// #[derive(Default)]
/// pub struct Desk;
///
/// #[module(handles = Sell)]
/// impl Desk {
///     async fn sell(&mut self, _: Sell, ctx: &Context<Self>) -> Result<(), ShowError> {
///         Ok(ctx.send(Hold).await?)
///     }
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CallError<E> {
    /// The handler returned this error.
    Handler(E),
    /// The handler panicked.
    Panicked(Box<Panic>),
    /// The handler took longer than its `timeout` and was cut off.
    TimedOut(Box<TimedOut>),
    /// The event store of an aggregate failed, and the events of the command may or may not be stored; or the
    /// `#[init]` of a [key](crate::keyed) returned an error.
    Unavailable(Box<Unavailable>),
    /// Middleware or an interceptor rejected the message, before its handler or after it.
    Rejected(Box<Rejection>),
    /// No running module handles the message.
    NoRoute(Box<NoRoute>),
    /// The module crashed too often, and is left alone until its next try. The message was refused, or it was
    /// waiting when the module crashed.
    CrashLooping(Box<CrashLooping>),
    /// The module had stopped, or was stopped or cut off before it replied.
    Stopped {
        /// The message's name.
        message: &'static str,
    },
    /// The `breaker` of the module is open, because the module failed too often.
    BreakerOpen {
        /// The message's name.
        message: &'static str,
    },
    /// There was no room for the message, and [`try_send`](crate::Context::try_send) does not wait.
    Full {
        /// The message's name.
        message: &'static str,
    },
    /// The system is stopping and takes no new work.
    Stopping {
        /// The message's name.
        message: &'static str,
    },
    /// The context is closed.
    Closed {
        /// The message's name.
        message: &'static str,
    },
    /// The context was cancelled before the message was handled.
    Cancelled {
        /// The message's name.
        message: &'static str,
    },
    /// The context's deadline passed before the reply came. The handler may have run, or be running still.
    DeadlineExceeded {
        /// The message's name.
        message: &'static str,
    },
    /// The chain of causes is too long: messages cause each other without end.
    TooDeep(Box<TooDeep>),
    /// The reply would never come: the module that handles the message waits, itself or through others, for
    /// the one that sends it.
    Deadlock(Box<Deadlock>),
    /// The message requires what the principal of the unit of work does not have.
    Forbidden(Box<Forbidden>),
    /// The message breaks its own rules (`validate`).
    Invalid(Box<Invalid>),
}

impl<E> CallError<E> {
    /// The handler's own error.
    ///
    /// # Errors
    /// Returns the `CallError` if it is any other error.
    pub fn into_handler_error(self) -> Result<E, Self> {
        match self {
            CallError::Handler(error) => Ok(error),
            other => Err(other),
        }
    }

    /// The [`SendError`] that this is, if the message was not handled at all.
    fn as_send_error(&self) -> Option<SendError> {
        Some(match self {
            CallError::Handler(_)
            | CallError::Panicked(_)
            | CallError::TimedOut(_)
            | CallError::Unavailable(_)
            | CallError::Rejected(_) => return None,
            CallError::NoRoute(error) => SendError::NoRoute(error.clone()),
            CallError::Stopped { message } => SendError::Stopped { message },
            CallError::BreakerOpen { message } => SendError::BreakerOpen { message },
            CallError::CrashLooping(error) => SendError::CrashLooping(error.clone()),
            CallError::Full { message } => SendError::Full { message },
            CallError::Stopping { message } => SendError::Stopping { message },
            CallError::Closed { message } => SendError::Closed { message },
            CallError::Cancelled { message } => SendError::Cancelled { message },
            CallError::DeadlineExceeded { message } => SendError::DeadlineExceeded { message },
            CallError::TooDeep(error) => SendError::TooDeep(error.clone()),
            CallError::Deadlock(error) => SendError::Deadlock(error.clone()),
            CallError::Forbidden(error) => SendError::Forbidden(error.clone()),
            CallError::Invalid(error) => SendError::Invalid(error.clone()),
        })
    }
}

impl<E> From<SendError> for CallError<E> {
    fn from(error: SendError) -> Self {
        match error {
            SendError::NoRoute(error) => CallError::NoRoute(error),
            SendError::Stopped { message } => CallError::Stopped { message },
            SendError::BreakerOpen { message } => CallError::BreakerOpen { message },
            SendError::CrashLooping(error) => CallError::CrashLooping(error),
            SendError::Full { message } => CallError::Full { message },
            SendError::Stopping { message } => CallError::Stopping { message },
            SendError::Closed { message } => CallError::Closed { message },
            SendError::Cancelled { message } => CallError::Cancelled { message },
            SendError::DeadlineExceeded { message } => CallError::DeadlineExceeded { message },
            SendError::TooDeep(error) => CallError::TooDeep(error),
            SendError::Deadlock(error) => CallError::Deadlock(error),
            SendError::Forbidden(error) => CallError::Forbidden(error),
            SendError::Invalid(error) => CallError::Invalid(error),
        }
    }
}

impl<E: HandlerError> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Handler(error) => fmt::Display::fmt(error, f),
            CallError::Panicked(panic) => panic.fmt(f),
            CallError::TimedOut(timed_out) => timed_out.fmt(f),
            CallError::Unavailable(unavailable) => unavailable.fmt(f),
            CallError::Rejected(rejection) => rejection.fmt(f),
            other => match other.as_send_error() {
                Some(error) => error.fmt(f),
                None => Ok(()),
            },
        }
    }
}

impl<E: HandlerError> StdError for CallError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            CallError::Handler(error) => error.as_std().source(),
            CallError::Unavailable(unavailable) => unavailable.source(),
            _ => None,
        }
    }
}

/// A message that no running module handles.
#[derive(Debug, Clone)]
pub struct NoRoute {
    /// The message's name.
    pub message: &'static str,
    /// Where the message is declared.
    pub declared: Declaration,
    /// The module that declares the handler, when the compiler saw one; it is not running in this system.
    pub handler: Option<&'static Declaration>,
    /// Whether the message is in the link-time registry at all.
    pub registered: bool,
}

impl fmt::Display for NoRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no running module handles `{}` (declared at {})",
            self.message,
            self.declared.place()
        )?;
        if !self.registered {
            return f.write_str(
                ": the message is missing from the link-time registry, so this binary was linked without its declarations",
            );
        }
        match self.handler {
            Some(module) => write!(
                f,
                ": its handler `{}` ({}) is not running here; attach it with `system.attach(..)`",
                module.name,
                module.place()
            ),
            None => f.write_str(
                ": list it in the `handles` of a module, and attach that module if it is `manual`",
            ),
        }
    }
}

impl StdError for NoRoute {}

/// A chain of causes that grew past the limit
/// ([`SystemBuilder::max_depth`](crate::SystemBuilder::max_depth)).
#[derive(Debug, Clone)]
pub struct TooDeep {
    /// The message that was refused.
    pub message: &'static str,
    /// The limit.
    pub limit: u32,
    /// The names of the messages that caused it, oldest first; the newest half of the chain.
    pub chain: Vec<&'static str>,
}

impl fmt::Display for TooDeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is the end of a chain of more than {} causes: ..",
            self.message, self.limit
        )?;
        for message in &self.chain {
            write!(f, " -> {message}")?;
        }
        write!(f, " -> {}", self.message)
    }
}

impl StdError for TooDeep {}

/// A handler that panicked.
#[derive(Debug, Clone)]
pub struct Panic {
    /// The message it was handling.
    pub message: &'static str,
    /// The module.
    pub module: &'static str,
    /// The text of the panic, if it has one.
    pub text: String,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` panicked while handling `{}`: {}",
            self.module, self.message, self.text
        )
    }
}

impl StdError for Panic {}

/// A handler that took longer than the `timeout` of its module or of its own.
#[derive(Debug, Clone)]
pub struct TimedOut {
    /// The message it was handling.
    pub message: &'static str,
    /// The module.
    pub module: &'static str,
    /// How long it may take.
    pub limit: Duration,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` took longer than {:?} to handle `{}`",
            self.module, self.limit, self.message
        )
    }
}

impl StdError for TimedOut {}
