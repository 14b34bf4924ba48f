//! What can go wrong, one type per stage. Knows nothing of how messages travel.

mod attach;
mod boxed;
mod call;
mod context;
mod crash_looping;
mod deadlock;
mod failure;
mod forbidden;
mod invalid;
mod rejection;
mod start;
mod stream;
mod transaction;
mod unavailable;

pub use self::attach::AttachError;
pub use self::boxed::{Error, HandlerError, Result};
pub use self::call::{CallError, NoRoute, Panic, SendError, TimedOut, TooDeep, TrySendError};
pub use self::context::ContextError;
pub use self::crash_looping::CrashLooping;
pub use self::deadlock::{Deadlock, WaitEdge};
pub use self::failure::{Failure, FailureKind};
pub use self::forbidden::Forbidden;
pub use self::invalid::{Invalid, Violation, Violations};
pub use self::rejection::Rejection;
pub(crate) use self::start::described;
pub use self::start::{StartError, StartProblem};
pub use self::stream::{HeldStream, PushError, StreamError, TryPushError};
pub use self::transaction::{EnlistError, TransactionFailure, TransactionReport, TransactionStep};
pub use self::unavailable::Unavailable;
