//! [`deliver`]: sends a command that was written down, and classifies the result: whether to repeat it.

use crate::context::Context;
use crate::error::CallError;
use crate::eventstore::backend::StoreError;
use crate::eventstore::saga::unanswered::Unanswerable;
use crate::eventstore::saga::{Saga, Sagas, SentBy, StepFailed, StepFailureKind, StoredCommand};
use crate::message::{Command, Message};

/// The result of sending a command.
#[doc(hidden)]
#[derive(Debug)]
pub enum Delivery {
    /// It was handled.
    Done,
    /// Its handler returned an error or crashed, the command cannot be delivered, or its events cannot be
    /// written down.
    Failed(StepFailed),
    /// It was not handled, and never will be: its aggregate cannot be read or is archived, its events cannot
    /// be stored, or it breaks its rules. An earlier attempt may have been handled all the same.
    Impossible(StepFailed),
    /// It was not handled, because middleware or an interceptor did not let it through. An earlier attempt
    /// may have been handled all the same.
    Rejected(StepFailed),
    /// It was not handled, and may be later.
    Later(String),
    /// It was not handled, because the system stops.
    Stopping(String),
    /// It was not handled, because another runner has taken over.
    Fenced(String),
    /// It may have been handled, or not.
    Unknown(String),
}

/// Sends a command that was written down, in a unit of work of its own.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub async fn deliver<S: Saga, C: Command + SentBy<S>>(
    stored: &StoredCommand,
    ctx: &Context<Sagas<S>>,
) -> Option<Delivery> {
    if stored.name != C::NAME {
        return None;
    }
    let command = match (C::KEPT.restore)(&stored.content) {
        Ok(command) => command,
        Err(error) => {
            let reason = format!("`{}` cannot be read any more: {error}", C::NAME);
            let failed = StepFailed::new(StepFailureKind::Refused, reason);
            return Some(Delivery::Failed(failed.named(C::NAME)));
        }
    };
    let called = ctx.call(command).await;
    if let Err(CallError::NoRoute(error)) = &called {
        ctx.handle().scope.mediator.recorder.note_unrouted(error);
    }
    Some(match called {
        Ok(_) => Delivery::Done,
        Err(error) => refused::<C>(error),
    })
}

/// The failure of a command that the saga does not list any more.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn not_listed(stored: &StoredCommand) -> Delivery {
    let reason = format!("the saga does not list `{}` in `sends`", stored.name);
    Delivery::Failed(StepFailed::new(StepFailureKind::Refused, reason).named(&stored.name))
}

/// Classifies the failure of a call: whether the command may have been handled, and whether it may succeed
/// later.
fn refused<C: Message>(error: CallError<C::Error>) -> Delivery {
    let reason = error.to_string();
    let failed = |kind, reason: String| StepFailed::new(kind, reason).named(C::NAME);
    match error {
        // Its handler did not have it; that of an earlier attempt may have had it.
        CallError::Rejected(rejection) if !rejection.is_late() => {
            Delivery::Rejected(failed(StepFailureKind::Refused, reason))
        }
        CallError::Forbidden(_) | CallError::Invalid(_) => {
            Delivery::Impossible(failed(StepFailureKind::Refused, reason))
        }
        CallError::Handler(error) => {
            Delivery::Failed(StepFailed::of_handler(reason, error).named(C::NAME))
        }
        CallError::Panicked(_) => Delivery::Failed(failed(StepFailureKind::Panicked, reason)),
        CallError::TimedOut(_) => Delivery::Failed(failed(StepFailureKind::TimedOut, reason)),
        CallError::Rejected(_) | CallError::TooDeep(_) | CallError::Deadlock(_) => {
            Delivery::Failed(failed(StepFailureKind::Refused, reason))
        }
        CallError::NoRoute(_)
        | CallError::CrashLooping(_)
        | CallError::BreakerOpen { .. }
        | CallError::Full { .. }
        | CallError::Closed { .. } => Delivery::Later(reason),
        CallError::Stopping { .. } => Delivery::Stopping(reason),
        CallError::Unavailable(unavailable) => {
            // The command started another saga, which is over: sent again, it gets the same answer.
            if let Some(other) = unavailable.error.downcast_ref::<Unanswerable>() {
                return match other.has_failed {
                    Some(true) => Delivery::Failed(failed(StepFailureKind::Error, reason)),
                    Some(false) => Delivery::Done,
                    None => Delivery::Unknown(reason),
                };
            }
            let error = unavailable.error.downcast_ref::<StoreError>();
            let reason = error.map_or(reason, |error| error.to_string());
            match error {
                // An aggregate encodes its events only after it knows that they are not stored, so no earlier
                // attempt was handled either.
                Some(StoreError::Codec { .. }) => {
                    Delivery::Failed(failed(StepFailureKind::Refused, reason))
                }
                Some(StoreError::PreconditionFailed { .. }) => Delivery::Fenced(reason),
                Some(
                    StoreError::Duplicate { .. }
                    | StoreError::CommandIdReused { .. }
                    | StoreError::Unknown { .. }
                    | StoreError::Archived { .. },
                ) => Delivery::Impossible(failed(StepFailureKind::Refused, reason)),
                // A store that has failed for good may have failed after it wrote.
                Some(_) | None => Delivery::Unknown(reason),
            }
        }
        CallError::Stopped { .. }
        | CallError::Cancelled { .. }
        | CallError::DeadlineExceeded { .. } => Delivery::Unknown(reason),
    }
}
