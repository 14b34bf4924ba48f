//! Supervision around a handler: panics are caught, and results are reported to those whom they concern. See
//! `attempt` for time-outs and retries, `restart` for what becomes of the module.

use std::sync::Arc;
use std::time::Duration;

use crate::context::{Handle, Origin, announce};
use crate::declaration::Declaration;
use crate::envelope::{AnyParcel, FailureOrigin, Label, Parcel, Source};
use crate::error::{CallError, FailureKind, Panic, Result, TimedOut, Unavailable};
use crate::escaped::Escaped;
use crate::events::{DeadLetter, HandlerFailed};
use crate::guarded::{
    HandlerFault, PanicPayload, Shielded, catch_now, drop_unpanicked, panicked, said_last,
};
use crate::message::{Message, MessageDescriptor, MessageKind};
use crate::module::tally::{CrashCause, Tally, Verdict};

/// How a handler ended: by its return, or by its crash.
pub(crate) type Handled<M> =
    Result<Result<<M as Message>::Reply, <M as Message>::Error>, HandlerFault>;

/// What a handler gave in the end: its reply, or why there is none. Boxed, so that a reply of a word or two
/// stays in registers on its way to the caller.
pub(crate) type Concluded<M> = Result<<M as Message>::Reply, Box<Unreplied<<M as Message>::Error>>>;

/// Why a handler gave no reply.
pub(crate) enum Unreplied<E> {
    /// It returned this error.
    Error(E),
    /// It did not return.
    Fault(HandlerFault),
}

impl<E> Unreplied<E> {
    /// Why the handler gave no reply, unless it gave one.
    #[cold]
    #[inline(never)]
    fn boxed<R>(handled: Result<Result<R, E>, HandlerFault>) -> Result<R, Box<Self>> {
        match handled {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(Box::new(Unreplied::Error(error))),
            Err(fault) => Err(Box::new(fault.into())),
        }
    }
}

impl<E> From<HandlerFault> for Unreplied<E> {
    fn from(fault: HandlerFault) -> Self {
        Unreplied::Fault(fault)
    }
}

/// How the handler ended, in brief.
#[inline(always)]
pub(crate) fn conclude<M: Message>(handled: Handled<M>) -> Concluded<M> {
    match handled {
        Ok(Ok(reply)) => Ok(reply),
        failed => Unreplied::boxed(failed),
    }
}

/// What came of an attempt in a shared module.
#[doc(hidden)]
#[allow(missing_debug_implementations, private_interfaces)]
pub enum Attempt<M: Message> {
    /// It was the only one, or the last.
    Ended(Concluded<M>),
    /// There is to be another, once so long has passed; and why the handler crashed, if it did.
    Again(Option<CrashCause>, Duration),
    /// It succeeded, and gave no reply: no caller waits for one.
    #[cfg_attr(not(feature = "eventstore"), allow(dead_code))]
    Unanswered,
}

/// Reports the result to the caller; or, if no caller waits and it failed, to the unit of work.
#[inline]
pub(crate) fn settle<P: Parcel>(
    result: Concluded<P::Message>,
    parcel: &mut P,
    handle: &Handle,
    module: &'static Declaration,
) -> Verdict {
    match result {
        Ok(reply) => {
            if let Some(to) = parcel.take_reply_to() {
                let _ = to.send(Ok(reply)); // Without a caller, the reply is not needed.
            }
            Verdict::Handled
        }
        Err(failed) => settle_failure(*failed, parcel, handle, module),
    }
}

#[cold]
fn settle_failure<P: Parcel>(
    failed: Unreplied<<P::Message as Message>::Error>,
    parcel: &mut P,
    handle: &Handle,
    module: &'static Declaration,
) -> Verdict {
    let to = parcel.take_reply_to();
    let json = || parcel.json();
    let (error, verdict) = failure_of::<P::Message>(failed, to.is_some(), handle, module, &json);
    let of = origin_of(handle, P::Message::NAME, module);
    match to {
        Some(to) => to.fail(error, of),
        None => of.keep(FailureKind::of(error)),
    }
    verdict
}

/// Ends a message in whose dispatch user code panicked beside the handler: a `Clone`, the text of an error, a
/// `Drop`.
#[cold]
pub(crate) fn settle_panic(
    text: String,
    parcel: &mut dyn AnyParcel,
    label: Label,
    handle: &Handle,
    module: &'static Declaration,
) {
    let message = label.message;
    let panic = Panic {
        message: message.name(),
        module: module.name,
        text,
    };
    tracing::warn!(
        message = panic.message,
        module = panic.module,
        panic = panic.text,
        "panicked beside a handler"
    );
    if message.kind != MessageKind::Query {
        handle.scope.set_rollback_only(message.name(), module.name);
    }
    report(
        message,
        handle,
        module,
        &Shielded::new(&panic),
        true,
        &|| parcel.json(),
    );
    let of = origin_of(handle, message.name(), module);
    parcel.fail(FailureKind::Panicked(Box::new(panic)), of);
}

/// The message that is being handled, as the one whose failure an error is.
pub(crate) fn origin_of(
    handle: &Handle,
    message: &'static str,
    module: &'static Declaration,
) -> FailureOrigin {
    FailureOrigin {
        scope: Arc::clone(&handle.scope),
        message,
        module: module.name,
        sequence: handle.sequence(),
    }
}

/// The failure of a handler, as its caller sees it, and how the message ended. It is logged, and published.
/// If the text of an error panics on the way, that is a panic of the handler.
#[cold]
pub(crate) fn failure_of<M: Message>(
    failed: Unreplied<M::Error>,
    awaited: bool,
    handle: &Handle,
    module: &'static Declaration,
    json: &dyn Fn() -> Option<String>,
) -> (CallError<M::Error>, Verdict) {
    let (error, verdict) = match failed {
        Unreplied::Error(error) => {
            let verdict = match is_refusal::<M>(&error) {
                true => Verdict::Refused,
                false => Verdict::Failed,
            };
            (CallError::Handler(error), verdict)
        }
        Unreplied::Fault(fault) => match kind_of(fault, M::NAME, handle, module) {
            Ok((kind, verdict)) => (kind.into_call_error(M::NAME), verdict),
            Err(unavailable) => (CallError::Unavailable(unavailable), Verdict::Failed),
        },
    };
    let text = Shielded::new(&error);
    let is_awaited = awaited && !matches!(verdict, Verdict::Crashed(_));
    report_failure(
        M::descriptor(),
        handle,
        module,
        &text,
        verdict,
        is_awaited,
        json,
    );
    if !text.has_panicked() {
        return (error, verdict);
    }
    let panic = Panic {
        message: M::NAME,
        module: module.name,
        text: text.to_string(),
    };
    drop_unpanicked(error);
    let error = CallError::Panicked(Box::new(panic));
    (error, Verdict::Crashed(CrashCause::Panicked))
}

/// What became of a message whose handler did not return. It does not depend on the message's type, so it is
/// compiled once.
///
/// # Errors
/// [`Unavailable`], if the handler is not to blame.
fn kind_of(
    fault: HandlerFault,
    message: &'static str,
    handle: &Handle,
    module: &'static Declaration,
) -> Result<(FailureKind, Verdict), Box<Unavailable>> {
    Ok(match fault {
        HandlerFault::Panicked(panic) => {
            let panic = Panic {
                message,
                module: module.name,
                text: said_last(panic),
            };
            let verdict = Verdict::Crashed(CrashCause::Panicked);
            (FailureKind::Panicked(Box::new(panic)), verdict)
        }
        HandlerFault::TimedOut(limit) => {
            let timed_out = TimedOut {
                message,
                module: module.name,
                limit: *limit,
            };
            let verdict = Verdict::Crashed(CrashCause::TimedOut);
            (FailureKind::TimedOut(Box::new(timed_out)), verdict)
        }
        HandlerFault::Rejected(rejection) => {
            // The handler of an earlier attempt may have done a part of it.
            let rejection = match handle.attempt() {
                0 => rejection,
                _ => Box::new(rejection.after_handler(true)),
            };
            (FailureKind::Rejected(rejection), Verdict::Refused)
        }
        HandlerFault::UnitEnded(reason) => (*reason, Verdict::Failed),
        HandlerFault::Unavailable(error) => {
            return Err(Box::new(Unavailable {
                message,
                module: module.name,
                error: Arc::new(*error),
            }));
        }
    })
}

/// Logs and publishes a failure. An error that a caller gets is a result like any other: the caller's to
/// judge.
fn report_failure(
    message: &'static MessageDescriptor,
    handle: &Handle,
    module: &'static Declaration,
    text: &Shielded<'_>,
    verdict: Verdict,
    is_callers: bool,
    json: &dyn Fn() -> Option<String>,
) {
    let (name, crashed) = (message.name(), matches!(verdict, Verdict::Crashed(_)));
    if is_callers {
        tracing::debug!(message = name, module = module.name, error = %Escaped(text), "handler gave back an error");
    } else {
        tracing::warn!(message = name, module = module.name, crashed, error = %Escaped(text), "handler failed");
    }
    if message.kind != MessageKind::Query {
        handle.scope.set_rollback_only(name, module.name);
    }
    report(message, handle, module, text, crashed, json);
}

/// Whether the error is for the sender to do better. The error's type may say so by hand: if it panics, the
/// handler has failed like any other.
pub(super) fn is_refusal<M: Message>(error: &M::Error) -> bool {
    let mut is_refusal = false;
    if let Err(panic) = catch_now(&mut || is_refusal = M::is_refusal(error)) {
        report_unclassified(M::NAME, panic);
    }
    is_refusal
}

#[cold]
fn report_unclassified(message: &str, panic: PanicPayload) {
    let panic = said_last(panic);
    tracing::error!(
        message,
        panic,
        "an error panicked when it was asked which problem it is"
    );
}

/// Publishes a failure.
#[cold]
fn report(
    message: &'static MessageDescriptor,
    handle: &Handle,
    module: &'static Declaration,
    text: &Shielded<'_>,
    crashed: bool,
    json: &dyn Fn() -> Option<String>,
) {
    announce(handle, || HandlerFailed {
        message: message.name().to_owned(),
        module: module.name.to_owned(),
        context: handle.scope.id(),
        sequence: handle.sequence(),
        cause: handle.cause.sequence,
        error: text.to_string(),
        crashed: crashed || text.has_panicked(),
        json: json(),
    });
}

/// How a background task or hook ended; its failure is reported, because there is no message, and no caller
/// waits.
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
    let text = Shielded::new(&error);
    tracing::error!(task, module = module.name, error = %Escaped(&text), "task failed");
    announce(handle, || HandlerFailed {
        message: task.to_owned(),
        module: module.name.to_owned(),
        context: handle.scope.id(),
        sequence: 0,
        cause: None,
        json: None,
        error: text.to_string(),
        crashed: is_panic,
    });
    drop_unpanicked(error);
}

/// Reports that a message will not be handled, or not to its end.
#[cold]
pub(crate) fn report_dead_letter(
    source: Source<'_>,
    label: Label,
    kind: &FailureKind,
    module: &'static Declaration,
    json: &dyn Fn() -> Option<String>,
) {
    let (message, sequence) = (label.message, label.sequence());
    if message.kind != MessageKind::Query {
        source.scope.set_rollback_only(message.name(), module.name);
    }
    // A caller that waits gets the reason: if it set the end itself, that is the caller's to judge.
    if label.is_awaited() && kind.is_end_of_unit() {
        tracing::debug!(message = message.name(), module = module.name, sequence, reason = %kind, "dead letter");
    } else {
        tracing::warn!(message = message.name(), module = module.name, sequence, reason = %kind, "dead letter");
    }
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
}

/// The dead letter, as the message whose failure it is.
pub(crate) fn origin_of_lost(
    source: Source<'_>,
    label: Label,
    module: &'static Declaration,
) -> FailureOrigin {
    FailureOrigin {
        scope: Arc::clone(source.scope),
        message: label.message.name(),
        module: module.name,
        sequence: label.sequence(),
    }
}

/// Counts a dead letter, which is not in flight any more. If it `has_begun`, its handler had it.
#[cold]
pub(crate) fn count_dead_letter(source: Source<'_>, label: Label, tally: &Tally, has_begun: bool) {
    tally.count_dead(label.message.name());
    if has_begun {
        source.scope.finish(1);
    } else {
        source.scope.take_back(1);
    }
}
