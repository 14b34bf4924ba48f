//! What `try_send` and `try_process` do: hand a message over now, or hand it back.

use std::sync::Arc;
use std::task::{Context, Waker};

use crate::context::admission;
use crate::context::calling::{CallFuture, CallOf, CallStage, HandlerProof, expect_reply};
use crate::context::handle::Handle;
use crate::context::inline::RunToEnd;
use crate::context::reports::report_refusal;
use crate::context::room::Room;
use crate::declaration::Declaration;
use crate::envelope::{Given, Label, Source, reply};
use crate::error::{SendError, TrySendError};
use crate::message::ByValue;
use crate::route::{Route, To};
use crate::waiting::wait;

/// A message on its way to one module.
struct Handover<'a, M> {
    source: Source<'a>,
    label: Label,
    handle: &'a Handle,
    module: &'static Declaration,
    message: M,
}

/// Why it was not accepted, and the message.
type TryRefusal<M> = (SendError, Option<Given<M>>);

/// Hands the message over, for its reply.
pub(super) fn send<M, H>(handle: &Handle, message: M) -> Result<CallOf<'_, M>, TrySendError<M>>
where
    M: ByValue + Send,
    H: HandlerProof,
{
    let stage = hand_over::<M, H, _>(handle, message, true, |route, delivery| {
        let Handover {
            source,
            label,
            handle,
            module,
            message,
        } = delivery;
        match route.to(&message) {
            To::Queue(queue) => {
                // The task that awaits the reply puts a waker of its own in.
                let (to, awaited) = reply(&Context::from_waker(Waker::noop()));
                let expected = || (awaited.expected(), handle.delivery().is_some());
                if let Err(deadlock) = wait(M::NAME, source.scope, queue.waiter(), expected) {
                    source.scope.take_back(1);
                    let given = Given::new(message, None);
                    return Err((SendError::Deadlock(Box::new(deadlock)), Some(given)));
                }
                let mut given = Some(Given::new(message, Some(to)));
                let accepted =
                    queue.try_accept(source, label, handle.waits_at(&**queue), &mut given);
                accepted.map_err(|rejected| (rejected.error(M::NAME, &**queue), given))?;
                if !handle.is_external() {
                    let module = queue.waiter().number();
                    expect_reply(handle, label.sequence(), module, || awaited.expected());
                }
                Ok(CallStage::Replying(awaited))
            }
            To::Inline(inline) => {
                let mut given = Some(Given::new(message, None));
                let called = Arc::clone(inline).try_call(
                    &mut given,
                    source.header(label),
                    handle.waits_for_turn(),
                );
                let future = called.map_err(|refused| (refused, given))?;
                let sequence = label.sequence();
                Ok(CallStage::Running(RunToEnd::new::<M>(
                    future,
                    source.scope,
                    module,
                    sequence,
                )))
            }
        }
    })?;
    Ok(CallFuture::begun::<H>(handle, stage))
}

/// Hands the message over, and no more.
pub(super) fn process<M, H>(handle: &Handle, message: M) -> Result<(), TrySendError<M>>
where
    M: ByValue + Send,
    H: HandlerProof,
{
    hand_over::<M, H, _>(handle, message, false, |route, delivery| {
        let Handover {
            source,
            label,
            handle,
            message,
            ..
        } = delivery;
        let to = route.to(&message);
        let mut given = Some(Given::new(message, None));
        let accepted = match to {
            To::Queue(queue) => {
                let accepted =
                    queue.try_accept(source, label, handle.waits_at(&**queue), &mut given);
                accepted.map_err(|rejected| rejected.error(M::NAME, &**queue))
            }
            To::Inline(inline) => Arc::clone(inline).try_post(
                &mut given,
                source.header(label),
                handle.waits_for_turn(),
            ),
        };
        accepted.map_err(|refused| (refused, given))
    })
}

fn hand_over<M, H, T>(
    handle: &Handle,
    message: M,
    awaited: bool,
    give: impl FnOnce(&Route<Given<M>>, Handover<'_, M>) -> Result<T, TryRefusal<M>>,
) -> Result<T, TrySendError<M>>
where
    M: ByValue + Send,
    H: HandlerProof,
{
    let descriptor = M::descriptor();
    let scope = &handle.scope;
    if let Err(error) = admission::check(handle, &message) {
        return Err(TrySendError { message, error });
    }
    let Ok(_room) = Room::take(handle) else {
        let error = SendError::Full { message: M::NAME };
        return Err(TrySendError { message, error });
    };
    scope.read(descriptor.slot(), |row| {
        let handler = row.and_then(|row| row.handlers.first());
        let known =
            handler.and_then(|handler| Some((Route::known(&handler.route)?, handler.module)));
        let Some((route, module)) = known else {
            let error = handle.no_route(descriptor, H::declaration());
            return Err(TrySendError { message, error });
        };
        let sequence = match handle.admit_valid(&message) {
            Ok(sequence) => sequence,
            Err(error) => {
                let error = report_refusal(handle, error);
                return Err(TrySendError { message, error });
            }
        };
        let delivery = Handover {
            source: Source {
                scope,
                cause: &handle.next_cause(),
            },
            label: Label::new(descriptor, sequence, awaited),
            handle,
            module,
            message,
        };
        give(route, delivery).map_err(|(error, given)| TrySendError {
            message: given
                .and_then(Given::into_message)
                .expect("what is rejected has not been handled"),
            error,
        })
    })
}
