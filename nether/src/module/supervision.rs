//! What happens around a handler: panics are caught, results told to whom they concern. The place of restarts, time-outs
//! and retries.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use crate::context::{Handle, announce};
use crate::declaration::Declaration;
use crate::envelope::{Header, Reply, ReplyTo};
use crate::error::{CallError, Error, Failure, FailureKind, HandlerError, Panic, Result};
use crate::events::{DeadLetter, HandlerFailed};
use crate::message::{Message, MessageDescriptor};
use crate::module::tally::{Tally, Verdict};

/// What a panic throws.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs a future; a panic in it is caught, and what it said given back.
pub(crate) async fn catch<F: Future>(future: F) -> Result<F::Output, String> {
    catch_payload(future).await.map_err(|panic| said(&*panic))
}

/// Runs a future; a panic in it is caught, and what it threw given back.
pub(crate) async fn catch_payload<F: Future>(future: F) -> Result<F::Output, Payload> {
    let mut future = pin!(future);
    std::future::poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
        .to_owned()
}

/// What a handler gave back, as its caller sees it.
#[inline]
pub(crate) fn reply_of<M: Message>(
    result: Result<Result<M::Reply, M::Error>, String>,
    module: &'static Declaration,
) -> Reply<M> {
    match result {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(error)) => Err(CallError::Handler(error)),
        Err(text) => Err(CallError::Panicked(Panic {
            message: M::NAME,
            module: module.name,
            text,
        })),
    }
}

/// Tells the caller; or, if nobody waits and it failed, the unit of work.
#[inline]
pub(crate) fn settle<M: Message>(
    reply: Reply<M>,
    to: Option<ReplyTo<M>>,
    handle: &Handle,
    module: &'static Declaration,
) -> Verdict {
    let verdict = verdict_of::<M>(&reply, handle, module);
    let untold = match to {
        Some(to) => to.send(reply).err(),
        None => Some(reply),
    };
    if let Some(Err(error)) = untold {
        keep::<M>(error, handle, module);
    }
    verdict
}

/// How the message ended. A failure is logged, and published as an event.
#[inline]
pub(crate) fn verdict_of<M: Message>(
    reply: &Reply<M>,
    handle: &Handle,
    module: &'static Declaration,
) -> Verdict {
    match reply {
        Ok(_) => Verdict::Handled,
        Err(error) => {
            let panicked = matches!(error, CallError::Panicked(_));
            report(M::descriptor(), handle, module, error, panicked);
            if panicked {
                Verdict::Crashed
            } else {
                Verdict::Failed
            }
        }
    }
}

/// Keeps a failure that no caller was told of, for whoever closes the unit of work.
#[cold]
pub(crate) fn keep<M: Message>(
    error: CallError<M::Error>,
    handle: &Handle,
    module: &'static Declaration,
) {
    let kind = match error {
        CallError::Handler(error) => FailureKind::Handler(Arc::new(error.into_error())),
        CallError::Panicked(panic) => FailureKind::Panicked(panic),
        other => FailureKind::Handler(Arc::new(other.into())),
    };
    handle.scope.fail(Failure {
        message: M::NAME,
        module: module.name,
        sequence: sequence_of(handle),
        kind,
    });
}

/// Logs a failure, and publishes it.
#[cold]
fn report(
    message: &'static MessageDescriptor,
    handle: &Handle,
    module: &'static Declaration,
    error: &dyn std::fmt::Display,
    panicked: bool,
) {
    let sequence = sequence_of(handle);
    tracing::warn!(message = message.name(), module = module.name, sequence, panicked, %error, "handler failed");
    if !is_own(message) {
        announce(handle, || HandlerFailed {
            message: message.name().to_owned(),
            module: module.name.to_owned(),
            sequence,
            error: error.to_string(),
            panicked,
        });
    }
}

/// A background task or hook that failed: there is no message, and nobody waits.
pub(crate) fn report_task(
    task: &'static str,
    error: &Error,
    handle: &Handle,
    module: &'static Declaration,
) {
    tracing::error!(task, module = module.name, %error, "task failed");
    announce(handle, || HandlerFailed {
        message: task.to_owned(),
        module: module.name.to_owned(),
        sequence: 0,
        error: error.to_string(),
        panicked: false,
    });
}

/// Buries a message that will not be handled: it is a dead letter.
#[cold]
pub(crate) fn bury(header: Header, kind: FailureKind, tally: &Tally, module: &'static Declaration) {
    let Header { in_flight, cause } = header;
    let (message, sequence) = (in_flight.message(), in_flight.sequence());
    tracing::warn!(message = message.name(), module = module.name, sequence, reason = %kind, "dead letter");
    let handle = Handle {
        cause,
        ..Handle::new(
            Arc::clone(in_flight.scope()),
            crate::context::Origin::Handler,
        )
    };
    if !is_own(message) {
        announce(&handle, || DeadLetter {
            message: message.name().to_owned(),
            module: module.name.to_owned(),
            sequence,
            reason: kind.to_string(),
        });
    }
    if !in_flight.is_awaited() {
        handle.scope.fail(Failure {
            message: message.name(),
            module: module.name,
            sequence,
            kind,
        });
    }
    tally.count_dead(message.name());
    in_flight.take_back();
}

/// The framework's own reports, of which nothing more is reported.
fn is_own(message: &'static MessageDescriptor) -> bool {
    [HandlerFailed::ID, DeadLetter::ID].contains(&message.id)
}

fn sequence_of(handle: &Handle) -> u64 {
    handle.message.map_or(0, |(_, sequence)| sequence)
}
