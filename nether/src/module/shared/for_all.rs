//! An event that is for all values of a module that are in memory (`#[handler(all)]`): each of them handles
//! it as a message of its own.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::vec;

use tokio::task::yield_now;

use crate::context::{Context, Handle};
use crate::envelope::{Header, Parcel};
use crate::error::SendError;
use crate::guarded::{catch, drop_unpanicked, said_last};
use crate::module::Module;
use crate::module::shared::accepted::{Accepted, MessageEnd};
use crate::module::shared::{Handles, Hosting, SharedCell};
use crate::route::BoxFuture;

/// After how many values the task that hands the event to all lets others run on its thread.
const AT_ONCE: usize = 32;

impl<M: Module, K: Hosting<M>> SharedCell<M, K> {
    /// Accepts an event for all values that are in memory: for each it is behind the messages that were
    /// accepted before, and counts as one message. If there is no value, it is not handled.
    pub(super) fn begin_for_all<P>(
        self: Arc<Self>,
        parcel: P,
        copy: fn(&P) -> P,
        header: Header,
        has_place: bool,
    ) -> Result<(), SendError>
    where
        P: Parcel,
        K: Handles<M, P>,
    {
        let parcel = Some(parcel);
        // It is never the probe of a breaker: that is one message, and this is one for each value, or none.
        self.let_in(&header, &parcel, has_place, |breaker| !breaker.is_open())?;
        let turns = K::enter_all(&self);
        let Some(others) = turns.len().checked_sub(1) else {
            self.give_back(has_place);
            self.tally.count_abandoned();
            header.scope.take_back(1);
            self.note_ended();
            return Ok(());
        };
        // Before the first can end, so that all of them are waited for.
        self.accepted.fetch_add(others as u64, Ordering::SeqCst);
        header.scope.add_in_flight(others as u64);
        self.places.take_or_owe(others + usize::from(!has_place));
        let deliveries = DeliveriesToAll {
            cell: Arc::clone(&self),
            header,
            parcel,
            copy,
            turns: turns.into_iter(),
        };
        self.spawn(Box::pin(deliveries.run()));
        Ok(())
    }
}

/// The values that an event for all has not reached yet. Dropped, it is a dead letter for each of them.
struct DeliveriesToAll<M: Module, K: Hosting<M>, P> {
    cell: Arc<SharedCell<M, K>>,
    header: Header,
    /// `None` once this is dropped.
    parcel: Option<P>,
    copy: fn(&P) -> P,
    turns: vec::IntoIter<K::Turn>,
}

impl<M, K, P> DeliveriesToAll<M, K, P>
where
    M: Module,
    P: Parcel,
    K: Handles<M, P>,
{
    /// Begins to handle the event in each value. A handler that waits goes on in a task of its own. There is
    /// no bound on these: one that waits may wait for another that has not begun.
    async fn run(mut self) {
        let mut begun = 0;
        while let Some((accepted, turn)) = self.next() {
            let Some(parcel) = self.parcel.as_ref().map(self.copy) else {
                return;
            };
            let mut handler = Box::pin(run_contained(accepted, turn, parcel)) as BoxFuture<()>;
            let is_done = poll_fn(|cx| Poll::Ready(handler.as_mut().poll(cx).is_ready())).await;
            if !is_done {
                self.cell.spawn(handler);
            }
            begun += 1;
            if begun % AT_ONCE == 0 {
                yield_now().await;
            }
        }
    }
}

impl<M: Module, K: Hosting<M>, P> DeliveriesToAll<M, K, P> {
    /// The delivery to the next value.
    fn next(&mut self) -> Option<(Accepted<M, K>, K::Turn)> {
        let turn = self.turns.next()?;
        let accepted = Accepted {
            cell: Arc::clone(&self.cell),
            has_place: true,
            label: self.header.label,
            ctx: Context::new(Handle::of(self.header.clone())),
            end: MessageEnd::Waiting,
        };
        Some((accepted, turn))
    }
}

impl<M: Module, K: Hosting<M>, P> Drop for DeliveriesToAll<M, K, P> {
    fn drop(&mut self) {
        while self.next().is_some() {}
        drop_unpanicked(self.parcel.take());
    }
}

impl<M: Module, K: Hosting<M>> Accepted<M, K> {
    /// Runs the handler of an event that is for all values in memory, if its value still is.
    async fn run_if_in_memory<P>(&mut self, mut turn: K::Turn, parcel: P)
    where
        P: Parcel,
        K: Handles<M, P>,
    {
        let mut parcel = Some(parcel);
        if !K::is_turn(&turn) {
            let waiting = self.wait_for_turn(&mut turn, &mut parcel);
            if Box::pin(waiting).await.is_err() {
                return;
            }
        }
        match K::is_moot(&turn) {
            true => self.abandon(),
            false => self.run_alone(turn, parcel).await,
        }
    }
}

/// Runs one handler. A panic beside it must not end those of other values, which begin in the same task.
async fn run_contained<M, K, P>(mut accepted: Accepted<M, K>, turn: K::Turn, parcel: P)
where
    M: Module,
    P: Parcel,
    K: Handles<M, P>,
{
    if let Err(panic) = catch(accepted.run_if_in_memory(turn, parcel)).await {
        let panic = said_last(panic);
        let module = M::descriptor().declaration.name;
        tracing::error!(module, panic, "panicked beside a handler");
    }
}
