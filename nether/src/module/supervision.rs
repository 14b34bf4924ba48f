//! What happens around a handler: panics are caught, results told to whom they concern. See `attempt` for
//! time-outs and retries, `restart` for what becomes of the module.

use std::sync::Arc;

use crate::context::{Handle, Origin, announce};
use crate::declaration::Declaration;
use crate::envelope::{Label, Parcel, Reply, Source};
use crate::error::{CallError, Failure, FailureKind, Panic, Result, TimedOut, Unavailable};
use crate::events::{DeadLetter, HandlerFailed};
use crate::guarded::{HandlerFault, PanicPayload, panicked, said};
use crate::message::{Message, MessageDescriptor, MessageKind};
use crate::module::tally::{CrashCause, Tally, Verdict};

/// How a handler ended: by its return, or by its fall.
pub(crate) type Handled<M> =
    Result<Result<<M as Message>::Reply, <M as Message>::Error>, HandlerFault>;

/// What came of an attempt in a shared module.
#[doc(hidden)]
#[allow(missing_debug_implementations, private_interfaces)]
pub enum Attempt<M: Message> {
    /// It was the only one, or the last.
    Ended(Handled<M>),
    /// There is to be another; and why the handler crashed, if it did.
    Again(Option<CrashCause>),
}

/// Tells the caller; or, if nobody waits and it failed, the unit of work.
#[inline]
pub(crate) fn settle<P: Parcel>(
    result: Handled<P::Message>,
    parcel: &mut P,
    handle: &Handle,
    module: &'static Declaration,
) -> Verdict {
    match result {
        Ok(Ok(reply)) => {
            if let Some(to) = parcel.take_reply_to() {
                let _ = to.send(Ok(reply)); // If nobody waits any more, nobody misses it.
            }
            Verdict::Handled
        }
        failed => settle_failure(failed, parcel, handle, module),
    }
}

#[cold]
fn settle_failure<P: Parcel>(
    failed: Handled<P::Message>,
    parcel: &mut P,
    handle: &Handle,
    module: &'static Declaration,
) -> Verdict {
    let to = parcel.take_reply_to();
    let json = || parcel.json();
    let (reply, verdict) = failure_of::<P::Message>(failed, to.is_some(), handle, module, &json);
    let returned = match to {
        Some(to) => to.send(reply).err(),
        None => Some(reply),
    };
    if let Some(Err(error)) = returned {
        keep::<P::Message>(error, handle, module);
    }
    verdict
}

/// What a handler gave back, as its caller sees it, and how the message ended. A failure is logged, and
/// published.
#[cold]
pub(crate) fn failure_of<M: Message>(
    failed: Handled<M>,
    awaited: bool,
    handle: &Handle,
    module: &'static Declaration,
    json: &dyn Fn() -> Option<String>,
) -> (Reply<M>, Verdict) {
    let (error, verdict) = match failed {
        Ok(Ok(reply)) => return (Ok(reply), Verdict::Handled),
        Ok(Err(error)) => (CallError::Handler(error), Verdict::Failed),
        Err(HandlerFault::Panicked(panic)) => {
            let panic = Panic {
                message: M::NAME,
                module: module.name,
                text: said(&*panic),
            };
            let error = CallError::Panicked(Box::new(panic));
            (error, Verdict::Crashed(CrashCause::Panicked))
        }
        Err(HandlerFault::TimedOut(limit)) => {
            let timed_out = TimedOut {
                message: M::NAME,
                module: module.name,
                limit: *limit,
            };
            let error = CallError::TimedOut(Box::new(timed_out));
            (error, Verdict::Crashed(CrashCause::TimedOut))
        }
        Err(HandlerFault::Unavailable(error)) => {
            let unavailable = Unavailable {
                message: M::NAME,
                module: module.name,
                error: Arc::new(*error),
            };
            let error = CallError::Unavailable(Box::new(unavailable));
            (error, Verdict::Failed)
        }
    };
    let crashed = verdict != Verdict::Failed;
    // An error that a caller gets is a result like any other: the caller's to judge.
    if crashed || !awaited {
        tracing::warn!(message = M::NAME, module = module.name, crashed, %error, "handler failed");
    } else {
        tracing::debug!(message = M::NAME, module = module.name, %error, "handler gave back an error");
    }
    if M::KIND != MessageKind::Query {
        handle.scope.set_rollback_only(M::NAME, module.name);
    }
    report(M::descriptor(), handle, module, &error, crashed, json);
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
        module: Some(module.name),
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
    json: &dyn Fn() -> Option<String>,
) {
    announce(handle, || HandlerFailed {
        message: message.name().to_owned(),
        module: module.name.to_owned(),
        context: handle.scope.id(),
        sequence: handle.sequence(),
        cause: handle.cause.sequence,
        error: error.to_string(),
        crashed,
        json: json(),
    });
}

/// How a background task or hook ended; its failure is told, for there is no message, and nobody waits.
pub(crate) fn report_task(
    task: &'static str,
    ended: Result<Result<()>, PanicPayload>,
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
        context: handle.scope.id(),
        sequence: 0,
        cause: None,
        json: None,
        error: error.to_string(),
        crashed: is_panic,
    });
}

/// Turns a message that will not be handled into a dead letter, which is not in flight any more.
#[cold]
pub(crate) fn dead_letter(
    source: Source<'_>,
    label: Label,
    kind: FailureKind,
    tally: &Tally,
    module: &'static Declaration,
    json: &dyn Fn() -> Option<String>,
) {
    report_dead_letter(source, label, kind, tally, module, json);
    source.scope.take_back(1);
}

/// Turns a message whose handler was cut off into a dead letter.
#[cold]
pub(crate) fn dead_letter_begun(
    source: Source<'_>,
    label: Label,
    kind: FailureKind,
    tally: &Tally,
    module: &'static Declaration,
) {
    // The handler had it.
    report_dead_letter(source, label, kind, tally, module, &|| None);
    source.scope.finish(1);
}

fn report_dead_letter(
    source: Source<'_>,
    label: Label,
    kind: FailureKind,
    tally: &Tally,
    module: &'static Declaration,
    json: &dyn Fn() -> Option<String>,
) {
    let (message, sequence) = (label.message, label.sequence());
    if message.kind != MessageKind::Query {
        source.scope.set_rollback_only(message.name(), module.name);
    }
    tracing::warn!(message = message.name(), module = module.name, sequence, reason = %kind, "dead letter");
    let handle = Handle {
        cause: source.cause.clone(),
        ..Handle::new(Arc::clone(source.scope), Origin::Handler)
    };
    announce(&handle, || DeadLetter {
        message: message.name().to_owned(),
        module: module.name.to_owned(),
        context: source.scope.id(),
        sequence,
        cause: source.cause.sequence,
        reason: kind.to_string(),
        json: json(),
    });
    if !label.is_awaited() {
        source.scope.fail(Failure {
            message: message.name(),
            module: Some(module.name),
            sequence,
            kind,
        });
    }
    tally.count_dead(message.name());
}
