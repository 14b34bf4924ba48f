//! [`leave`]: a value leaves memory, while its `#[on_idle]` runs.

use std::future::poll_fn;
use std::pin::pin;

use crate::context::{Context, Handle};
use crate::guarded::catch;
use crate::module::KeyedModule;
use crate::module::handler::report_task;
use crate::module::keyed::live_count::CountedValue;
use crate::module::keyed::turn::{PolledHere, ValueTurn, note_waiting};
use crate::waiting::DeliveryWaiter;

/// Runs the `#[on_idle]` of a value, and reports how it ended. The turn is over when it has ended; until then
/// it counts as the handler that has the turn, so that a call which would wait for that is refused.
pub(super) async fn leave<M: KeyedModule>(
    leaving: Box<CountedValue<M>>,
    turn: ValueTurn<M>,
    handle: Handle,
) {
    // The value is counted until its `#[on_idle]` has ended or is cut off.
    let CountedValue {
        value,
        guard: _guard,
    } = *leaving;
    let ctx = Context::<M>::new(handle);
    let module = &M::descriptor().declaration;
    let ended = {
        let (scope, line) = (&ctx.handle().scope, &**turn.line());
        let mut leaves = pin!(catch(async { M::on_idle(value, &ctx).await }));
        let mut waiter = DeliveryWaiter::default();
        poll_fn(|cx| {
            let poll = waiter.begin_poll(module, scope);
            let polled = {
                let _here = PolledHere::<M>::begin(line);
                leaves.as_mut().poll(cx)
            };
            if polled.is_pending() {
                note_waiting::<M>(line);
            }
            waiter.end_poll(poll, scope);
            polled
        })
        .await
    };
    report_task("#[on_idle]", ended, ctx.handle(), module);
}
