//! [`ExclusiveCell`]: a module behind a mailbox, one message at a time.

use std::fmt;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use crate::context::{Context, Handle};
use crate::declaration::Declaration;
use crate::envelope::{Envelope, Header, Parcel};
use crate::error::{Failure, FailureKind, Result};
use crate::mediator::Stopping;
use crate::module::cell::{Cell, Way};
use crate::module::mailbox::{Batch, Mailbox};
use crate::module::supervision::bury;
use crate::module::tally::Tally;
use crate::module::{Exclusive, Module};
use crate::route::{BoxFuture, Closed, Offer, Queue, Route};
use crate::scope::{Finish, Scope};

/// How many messages a module handles in a row. One that never runs out of work then lets others have the thread, as
/// tokio's own budget would, at less cost per message.
const TURN: u32 = 128;

/// The mailbox of an exclusive module, and what it has done.
#[doc(hidden)]
pub struct ExclusiveCell<M: Module + Exclusive> {
    mailbox: Mailbox<Envelope<M::Inbox>>,
    tally: Tally,
    declaration: &'static Declaration,
}

impl<M: Module + Exclusive> ExclusiveCell<M> {
    /// The module's loop: many messages per wake-up, each awaited in place.
    async fn run(&self, module: &mut M, standing: Handle) {
        let mut ctx = Context::<M>::new(standing.clone());
        let mut batch = Taken {
            cell: self,
            batch: Batch::default(),
        };
        let mut in_a_row = 0;
        while self.mailbox.take(&mut batch.batch).await {
            while let Some(envelope) = batch.batch.messages.pop_front() {
                self.handle(module, &mut ctx, envelope).await;
                in_a_row += 1;
                if in_a_row == TURN {
                    in_a_row = 0;
                    tokio::task::yield_now().await;
                }
            }
            // Between batches the module holds on to no unit of work.
            ctx.rebind(standing.clone());
            standing.scope.mediator.stopping.tell_quiet();
        }
    }

    #[inline]
    async fn handle(&self, module: &mut M, ctx: &mut Context<M>, envelope: Envelope<M::Inbox>) {
        let Envelope { header, inbox } = envelope;
        if let Some(obstacle) = header.in_flight.scope().obstacle() {
            drop(inbox); // A caller learns from the dropped reply cell, and asks the scope why.
            return bury(header, obstacle, &self.tally, self.declaration);
        }
        let (message, sequence) = (header.in_flight.message(), header.in_flight.sequence());
        let awaited = header.in_flight.is_awaited();
        ctx.rebind(Handle::of(header));
        let scope = &*ctx.handle().scope;
        let _finish = Finish(scope);
        let started = Started {
            cell: self,
            scope,
            message: message.name(),
            sequence,
            awaited,
        };
        let verdict = M::dispatch(module, inbox, ctx).await;
        self.tally.count(verdict);
        std::mem::forget(started);
    }

    fn bury(&self, envelope: Envelope<M::Inbox>) {
        let Envelope { header, inbox } = envelope;
        drop(inbox);
        bury(header, FailureKind::Stopped, &self.tally, self.declaration);
    }
}

/// What the loop has taken. If the loop is cut off, it is buried.
struct Taken<'a, M: Module + Exclusive> {
    cell: &'a ExclusiveCell<M>,
    batch: Batch<Envelope<M::Inbox>>,
}

impl<M: Module + Exclusive> Drop for Taken<'_, M> {
    fn drop(&mut self) {
        self.batch
            .messages
            .drain(..)
            .for_each(|envelope| self.cell.bury(envelope));
    }
}

/// A message whose handler has started. If the loop is cut off in it, it counts as a dead letter, and as a failure of its
/// unit of work unless a caller waits for the reply.
struct Started<'a, M: Module + Exclusive> {
    cell: &'a ExclusiveCell<M>,
    scope: &'a Scope,
    message: &'static str,
    sequence: u64,
    awaited: bool,
}

impl<M: Module + Exclusive> Drop for Started<'_, M> {
    fn drop(&mut self) {
        self.cell.tally.count_dead(self.message);
        if !self.awaited {
            self.scope.fail(Failure {
                message: self.message,
                module: self.cell.declaration.name,
                sequence: self.sequence,
                kind: FailureKind::Stopped,
            });
        }
    }
}

#[allow(private_interfaces)]
impl<M: Module + Exclusive> Cell<M> for ExclusiveCell<M> {
    fn new(bound: usize, declaration: &'static Declaration, _: Arc<Stopping>) -> Self {
        ExclusiveCell {
            mailbox: Mailbox::new(bound),
            tally: Tally::default(),
            declaration,
        }
    }

    fn serve(self: Arc<Self>, mut module: M, standing: Handle) -> BoxFuture<Result<()>> {
        Box::pin(async move {
            self.run(&mut module, standing.clone()).await;
            M::on_stop(&mut module, &Context::new(standing)).await
        })
    }

    fn give_up(&self) {
        self.close();
        self.mailbox
            .drain()
            .into_iter()
            .for_each(|envelope| self.bury(envelope));
    }

    fn close(&self) {
        self.mailbox.close();
    }

    async fn cut_off(&self) {
        self.give_up();
    }

    fn accepted(&self) -> u64 {
        self.mailbox.accepted()
    }

    fn waiting(&self) -> usize {
        self.mailbox.len()
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn shared(&self) -> Option<Arc<M>> {
        None
    }
}

impl<M, P> Queue<P> for ExclusiveCell<M>
where
    M: Module + Exclusive,
    M::Inbox: From<P>,
{
    #[inline]
    fn poll_accept(
        &self,
        offer: &mut Offer<P>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Result<(), Closed>> {
        let content = &mut offer.content;
        self.mailbox
            .poll_put(offer.root, &mut offer.ticket, cx, || {
                let (header, parcel): (Header, P) =
                    content.take().expect("an offer is accepted once");
                Envelope {
                    header,
                    inbox: parcel.into(),
                }
            })
    }

    fn withdraw(&self, ticket: u64) {
        self.mailbox.withdraw(ticket);
    }
}

impl<M, P> Way<P> for ExclusiveCell<M>
where
    M: Module + Exclusive,
    M::Inbox: From<P>,
{
    #[allow(private_interfaces)]
    fn route(self: &Arc<Self>) -> Route<P>
    where
        P: Parcel,
    {
        Route::Queue(Arc::clone(self) as _)
    }
}

impl<M: Module + Exclusive> fmt::Debug for ExclusiveCell<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExclusiveCell")
            .field("module", &M::descriptor().declaration.name)
            .field("mailbox", &self.mailbox)
            .finish()
    }
}
