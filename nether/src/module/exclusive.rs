//! [`ExclusiveCell`]: a module behind a mailbox, one message at a time.

use std::fmt;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use crate::context::Handle;
use crate::declaration::Declaration;
use crate::envelope::{Label, Parcel, Source};
use crate::error::{FailureKind, Result};
use crate::mediator::Stopping;
use crate::module::cell::{Cell, Way};
use crate::module::guarded::drop_unpanicked;
use crate::module::mailbox::Mailbox;
use crate::module::supervision::bury;
use crate::module::tally::Tally;
use crate::module::work::Work;
use crate::module::{Exclusive, Module};
use crate::route::{BoxFuture, Closed, Offer, Queue, Route};

/// The mailbox of an exclusive module, and what it has done.
#[doc(hidden)]
pub struct ExclusiveCell<M: Module + Exclusive> {
    pub(super) mailbox: Mailbox<M::Inbox>,
    pub(super) tally: Tally,
    pub(super) declaration: &'static Declaration,
}

impl<M: Module + Exclusive> ExclusiveCell<M> {
    /// Buries a message. A caller learns it from the dropped reply cell, and asks its unit of work why.
    #[cold]
    pub(super) fn bury(
        &self,
        source: Source<'_>,
        label: Label,
        inbox: M::Inbox,
        kind: FailureKind,
    ) {
        drop_unpanicked(inbox);
        bury(source, label, kind, &self.tally, self.declaration);
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
            let mut work = Work::new(&self, standing);
            work.run(&mut module).await;
            M::on_stop(&mut module, work.standing()).await
        })
    }

    fn give_up(&self) {
        self.close();
        self.mailbox
            .drain()
            .drain(|source, label, inbox| self.bury(source, label, inbox, FailureKind::Stopped));
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
        source: Source<'_>,
        label: Label,
        offer: &mut Offer<P>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Result<(), Closed>> {
        let parcel = &mut offer.parcel;
        self.mailbox
            .poll_put(source, label, offer.root, &mut offer.ticket, cx, || {
                let parcel = parcel.take().expect("an offer is accepted once");
                parcel.into()
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
