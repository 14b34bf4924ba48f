//! [`Leaving`]: the values that leave memory, while their `#[on_idle]` runs.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::context::{Context, Handle};
use crate::guarded::catch;
use crate::module::KeyedModule;
use crate::module::handler::report_task;
use crate::module::keyed::turn::{PolledHere, TurnOf, note_waiting};
use crate::waiting::DeliveryWaiter;

/// How many values run their `#[on_idle]`.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    count: AtomicUsize,
    /// Notified when one has left.
    left: Notify,
}

/// One that does, until dropped.
struct LeavingValue(Arc<Leaving>);

impl Leaving {
    /// Runs the `#[on_idle]` of a value, and reports how it ended. Counted from now on, not from the first
    /// poll. The turn is over when it has ended; until then it counts as the handler that has the turn, so
    /// that a call which would wait for that is refused.
    pub(super) fn run<M: KeyedModule>(
        self: &Arc<Self>,
        value: Box<M>,
        turn: TurnOf<M>,
        handle: Handle,
    ) -> impl Future<Output = ()> + Send + 'static {
        self.count.fetch_add(1, Ordering::SeqCst);
        let counted = LeavingValue(Arc::clone(self));
        async move {
            let ctx = Context::<M>::new(handle);
            let module = &M::descriptor().declaration;
            let ended = {
                let (scope, line) = (&ctx.handle().scope, &**turn.line());
                let mut leaves = pin!(catch(async { M::on_idle(*value, &ctx).await }));
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
            drop(turn);
            drop(counted);
        }
    }

    /// Waits until there is none.
    pub(super) async fn none(&self) {
        self.room(1).await;
    }

    /// Waits until there are fewer than `most`, and returns how many may begin to leave.
    pub(super) async fn room(&self, most: usize) -> usize {
        loop {
            let notified = self.left.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let count = self.count.load(Ordering::SeqCst);
            if count < most {
                return most - count;
            }
            notified.await;
        }
    }
}

impl Drop for LeavingValue {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
        self.0.left.notify_waiters();
    }
}
