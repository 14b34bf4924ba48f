//! What happens around a handler: panics are caught, results told to whom they concern. See `attempt` for
//! time-outs and retries, `restart` for what becomes of the module.

use std::sync::Arc;

use crate::context::{Handle, Origin, announce};
use crate::declaration::Declaration;
use crate::envelope::{Label, Reply, ReplyTo, Source};
use crate::error::{CallError, Failure, FailureKind, Panic, Result, TimedOut};
use crate::events::{DeadLetter, HandlerFailed, is_own};
use crate::message::{Message, MessageDescriptor};
use crate::module::guarded::{Fall, Payload, panicked, said};
use crate::module::tally::{Fell, Tally, Verdict};

/// How a handler ended: by its return, or by its fall.
pub(crate) type Handled<M> = Result<Result<<M as Message>::Reply, <M as Message>::Error>, Fall>;

/// Tells the caller; or, if nobody waits and it failed, the unit of work.
#[inline]
pub(crate) fn settle<M: Message>(
    result: Handled<M>,
    to: Option<ReplyTo<M>>,
    handle: &Handle,
    module: &'static Declaration,
) -> Verdict {
    match result {
        Ok(Ok(reply)) => {
            if let Some(to) = to {
                let _ = to.send(Ok(reply)); // If nobody waits any more, nobody misses it.
            }
            Verdict::Handled
        }
        failed => settle_failure(failed, to, handle, module),
    }
}

#[cold]
fn settle_failure<M: Message>(
    failed: Handled<M>,
    to: Option<ReplyTo<M>>,
    handle: &Handle,
    module: &'static Declaration,
) -> Verdict {
    let (reply, verdict) = failure_of::<M>(failed, to.is_some(), handle, module);
    let untold = match to {
        Some(to) => to.send(reply).err(),
        None => Some(reply),
    };
    if let Some(Err(error)) = untold {
        keep::<M>(error, handle, module);
    }
    verdict
}

/// What a handler gave back, as its caller sees it, and how the message ended. A failure is logged, and published.
#[cold]
pub(crate) fn failure_of<M: Message>(
    failed: Handled<M>,
    awaited: bool,
    handle: &Handle,
    module: &'static Declaration,
) -> (Reply<M>, Verdict) {
    let (error, verdict) = match failed {
        Ok(Ok(reply)) => return (Ok(reply), Verdict::Handled),
        Ok(Err(error)) => (CallError::Handler(error), Verdict::Failed),
        Err(Fall::Panicked(panic)) => {
            let panic = Panic {
                message: M::NAME,
                module: module.name,
                text: said(&*panic),
            };
            let error = CallError::Panicked(Box::new(panic));
            (error, Verdict::Crashed(Fell::Panicked))
        }
        Err(Fall::TimedOut(limit)) => {
            let timed_out = TimedOut {
                message: M::NAME,
                module: module.name,
                limit: *limit,
            };
            let error = CallError::TimedOut(Box::new(timed_out));
            (error, Verdict::Crashed(Fell::TimedOut))
        }
    };
    let crashed = verdict != Verdict::Failed;
    // An error that a caller gets is a result like any other: the caller's to judge.
    if crashed || !awaited {
        tracing::warn!(message = M::NAME, module = module.name, crashed, %error, "handler failed");
    } else {
        tracing::debug!(message = M::NAME, module = module.name, %error, "handler gave back an error");
    }
    report(M::descriptor(), handle, module, &error, crashed);
    (Err(error), verdict)
}

/// Keeps a failure that no caller was told of, for whoever closes the unit of work.
#[cold]
pub(crate) fn keep<M: Message>(
    error: CallError<M::Error>,
    handle: &Handle,
    module: &'static Declaration,
) {
    handle.scope.fail(Failure {
        message: M::NAME,
        module: module.name,
        sequence: handle.sequence(),
        kind: FailureKind::of(error),
    });
}

/// Publishes a failure.
#[cold]
fn report(
    message: &'static MessageDescriptor,
    handle: &Handle,
    module: &'static Declaration,
    error: &dyn std::fmt::Display,
    crashed: bool,
) {
    let sequence = handle.sequence();
    // Of the framework's own reports nothing more is reported.
    if !is_own(message) {
        announce(handle, || HandlerFailed {
            message: message.name().to_owned(),
            module: module.name.to_owned(),
            sequence,
            error: error.to_string(),
            crashed,
        });
    }
}

/// How a background task or hook ended; its failure is told, for there is no message, and nobody waits.
pub(crate) fn report_task(
    task: &'static str,
    ended: Result<Result<()>, Payload>,
    handle: &Handle,
    module: &'static Declaration,
) {
    let (error, is_panic) = match ended {
        Ok(Ok(())) => return,
        Ok(Err(error)) => (error, false),
        Err(panic) => (panicked(&*panic), true),
    };
    tracing::error!(task, module = module.name, %error, "task failed");
    announce(handle, || HandlerFailed {
        message: task.to_owned(),
        module: module.name.to_owned(),
        sequence: 0,
        error: error.to_string(),
        crashed: is_panic,
    });
}

/// Buries a message that will not be handled: it is a dead letter, and not in flight any more.
#[cold]
pub(crate) fn bury(
    source: Source<'_>,
    label: Label,
    kind: FailureKind,
    tally: &Tally,
    module: &'static Declaration,
) {
    let (message, sequence) = (label.message, label.sequence());
    tracing::warn!(message = message.name(), module = module.name, sequence, reason = %kind, "dead letter");
    if !is_own(message) {
        let handle = Handle {
            cause: source.cause.clone(),
            ..Handle::new(Arc::clone(source.scope), Origin::Handler)
        };
        announce(&handle, || DeadLetter {
            message: message.name().to_owned(),
            module: module.name.to_owned(),
            sequence,
            reason: kind.to_string(),
        });
    }
    if !label.is_awaited() {
        source.scope.fail(Failure {
            message: message.name(),
            module: module.name,
            sequence,
            kind,
        });
    }
    tally.count_dead(message.name());
    source.scope.take_back(1);
}
