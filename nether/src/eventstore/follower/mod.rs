//! [`Follower`]: the one runner of projections and sagas. It reads the store page by page, shows each event
//! to what [follows](Followed), saves how far that is, parks what cannot be handled, and carries out orders.
//!
//! An orderly stop loses no progress: between two events the runner looks whether it has to stop, and it
//! saves what was done also while it stops. Whatever ends a runner, those who wait for it learn that.

mod failure;
mod persist;
mod place;
mod retry;

pub(super) use self::failure::{EventFailure, guarded, guarded_now};
pub(super) use self::persist::{RunnerEnd, answer, wait, wait_after};
pub(super) use self::place::{FollowerPlace, SAVE_AFTER};

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::sleep_until;

use crate::context::Context;
use crate::error::Result;
use crate::eventstore::backend::{DocumentChange, Position, RecordedEvent};
use crate::eventstore::control::{Control, FollowerKind, FollowerOrder, FollowerSeat};
use crate::eventstore::progress::CatchUp;
use crate::eventstore::store::Store;
use crate::race::race;
use crate::routing::Caller;
use crate::sync::lock;

/// Which stream or saga an event is for: what waits behind it if it cannot be handled.
pub(super) enum EventKey<'a> {
    /// Nobody's.
    None,
    Of(Cow<'a, str>),
    /// The event is parked under that name, because it cannot be known whose it is.
    Unreadable(String, EventFailure),
}

/// What became of an event that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reception {
    Handled,
    /// It waits until what it is for is over.
    Held,
    /// There is none that it could be for.
    Ignored,
}

/// What follows a store: a projection, or the sagas of a type.
///
/// Its methods run code of the user's inside of [`guarded`], so that a panic is a failure of one event.
pub(super) trait Followed: Send + Sync + Sized + 'static {
    /// The name of its checkpoint.
    const NAME: &'static str;
    /// How often an event is tried again before it is parked for good.
    const RETRIES: u32;
    /// Whether its progress outlives the process.
    const IS_STORED: bool;
    /// The module that it is.
    type Module: Caller;
    type Kind: FollowerKind;
    /// What it has to do besides handling events.
    type Work: Send;

    /// Which stream or saga an event is for.
    fn key<'a>(&self, event: &'a RecordedEvent) -> EventKey<'a>;

    /// Shows it an event. What changes is kept, and saved with the next checkpoint.
    fn show(
        &mut self,
        follower: &Follower<Self>,
        place: &FollowerPlace,
        key: &str,
        event: &RecordedEvent,
    ) -> impl Future<Output = Result<Reception, EventFailure>> + Send;

    /// Shows it an event that was parked, and saves that with the change of what is parked. What has failed
    /// is not saved.
    fn show_again(
        &mut self,
        follower: &Follower<Self>,
        place: &FollowerPlace,
        key: &str,
        event: &RecordedEvent,
        change: DocumentChange,
    ) -> impl Future<Output = Result<Result<Reception, EventFailure>, RunnerEnd>> + Send {
        async move {
            match self.show(follower, place, key, event).await {
                Ok(Reception::Ignored) => Ok(Ok(Reception::Ignored)),
                Ok(reception) => {
                    self.save(follower, place, vec![change]).await?;
                    Ok(Ok(reception))
                }
                Err(failure) => Ok(Err(failure)),
            }
        }
    }

    /// Handles events one after the other, or as many of them as it likes, and saves that.
    fn handle(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        events: Vec<RecordedEvent>,
    ) -> impl Future<Output = Result<(), RunnerEnd>> + Send {
        follower.handle_one_by_one(self, place, events)
    }

    /// Saves what it has changed, with other changes.
    fn save(
        &mut self,
        follower: &Follower<Self>,
        place: &FollowerPlace,
        changes: Vec<DocumentChange>,
    ) -> impl Future<Output = Result<(), RunnerEnd>> + Send {
        let _ = place;
        async move {
            match Self::IS_STORED && !changes.is_empty() {
                true => follower.write(changes).await,
                false => Ok(()),
            }
        }
    }

    /// The events of a key behind one, up to another. All are found by their keys.
    fn waiting(
        &self,
        follower: &Follower<Self>,
        key: &str,
        first: Position,
        last: Position,
    ) -> impl Future<Output = Result<VecDeque<Position>, RunnerEnd>> + Send {
        follower.find(self, key, first, last)
    }

    /// Loads what it needs.
    fn begin(
        &mut self,
        follower: &Follower<Self>,
    ) -> impl Future<Output = Result<(), RunnerEnd>> + Send {
        let _ = follower;
        async { Ok(()) }
    }

    /// Its next work, once there is some. Dropped, it loses nothing.
    fn next_work(&mut self, place: &FollowerPlace) -> impl Future<Output = Self::Work> + Send;

    /// Does it.
    fn work(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        work: Self::Work,
    ) -> impl Future<Output = Result<(), RunnerEnd>> + Send;

    /// Carries an order out, and [answers](answer) it.
    fn carry(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        order: <Self::Kind as FollowerKind>::Order,
    ) -> impl Future<Output = Result<(), RunnerEnd>> + Send;

    /// Takes in what has ended, or is about to, before the runner lets go.
    fn finish(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
    ) -> impl Future<Output = Result<(), RunnerEnd>> + Send {
        let _ = (follower, place);
        async { Ok(()) }
    }
}

/// What a runner works with.
pub(super) struct Follower<F: Followed> {
    pub(super) store: Store,
    pub(super) control: Arc<Control<F::Kind>>,
    /// Cancelled when the module has to stop.
    pub(super) ctx: Context<F::Module>,
}

/// What the runner does next.
enum FollowerAction<F: Followed> {
    Stop,
    Work(F::Work),
    Carry(FollowerOrder<<F::Kind as FollowerKind>::Order>),
    Retry(Arc<str>),
    /// The store may have new events; how often it could not say.
    Read(u32),
    End(RunnerEnd),
}

impl<F: Followed> Follower<F> {
    /// Follows the store until the module has to stop.
    ///
    /// # Errors
    /// If the store has failed for good.
    pub(super) async fn run(
        store: Store,
        ctx: Context<F::Module>,
        mut seat: FollowerSeat<F::Kind>,
        mut followed: F,
    ) -> Result<()> {
        let follower = Follower {
            store,
            control: Arc::clone(&seat.control),
            ctx,
        };
        match follower.follow(&mut followed, &mut seat.orders).await {
            Err(RunnerEnd::Failed(error)) => {
                seat.fail(&error);
                Err(error.into())
            }
            Ok(()) | Err(RunnerEnd::Stopped | RunnerEnd::Unsaved) => Ok(()),
        }
    }

    async fn follow(
        &self,
        followed: &mut F,
        orders: &mut mpsc::Receiver<FollowerOrder<<F::Kind as FollowerKind>::Order>>,
    ) -> Result<(), RunnerEnd> {
        let mut head = self.head().await?;
        let load = || FollowerPlace::load::<F>(&self.store);
        let mut place = self.read_persistently(load).await?;
        followed.begin(self).await?;
        self.publish(&mut place);
        let mut catching_up = (place.position < head).then(|| CatchUp::begin(F::NAME, false));
        loop {
            if !place.is_caught_up && place.position >= head {
                self.end_catching_up(catching_up.take(), &place);
                place.is_caught_up = true;
                self.control
                    .progress
                    .send_modify(|progress| progress.is_ready = true);
            }
            match self.next(followed, &place, orders).await {
                FollowerAction::Stop => break,
                FollowerAction::End(end) => return Err(end),
                action => {
                    let done = self.act(followed, &mut place, action, &mut head, &mut catching_up);
                    match done.await {
                        Err(RunnerEnd::Stopped) => break,
                        ended => ended?,
                    }
                }
            }
        }
        followed.finish(self, &mut place).await?;
        self.save(followed, &mut place).await
    }

    async fn act(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
        action: FollowerAction<F>,
        head: &mut Position,
        catching_up: &mut Option<CatchUp>,
    ) -> Result<(), RunnerEnd> {
        match action {
            FollowerAction::Work(work) => followed.work(self, place, work).await,
            FollowerAction::Carry(FollowerOrder::Retry(key, done)) => {
                let retried = self.carry_retry(followed, place, key).await;
                answer(done, retried)
            }
            FollowerAction::Carry(FollowerOrder::Skip(key, done)) => {
                let skipped = self.skip(followed, place, &key).await;
                answer(done, skipped.map(Ok))
            }
            FollowerAction::Carry(FollowerOrder::Own(order)) => {
                followed.carry(self, place, order).await
            }
            FollowerAction::Retry(key) => self.retry_by_itself(followed, place, &key).await,
            FollowerAction::Read(unheard) => {
                place.unheard = unheard;
                let count = self.read(followed, place).await?;
                if count == 0 {
                    *head = place.position.min(*head); // The store has less than it said.
                }
                if let Some(progress) = catching_up {
                    progress.read(count, place.position, *head, &self.ctx);
                }
                Ok(())
            }
            FollowerAction::Stop | FollowerAction::End(_) => Ok(()),
        }
    }

    fn end_catching_up(&self, progress: Option<CatchUp>, place: &FollowerPlace) {
        if let Some(progress) = progress {
            progress.end(place.position, &self.ctx);
        }
    }

    async fn next(
        &self,
        followed: &mut F,
        place: &FollowerPlace,
        orders: &mut mpsc::Receiver<FollowerOrder<<F::Kind as FollowerKind>::Order>>,
    ) -> FollowerAction<F> {
        let stop = async {
            self.ctx.cancelled().await;
            FollowerAction::Stop
        };
        let work = async { FollowerAction::Work(followed.next_work(place).await) };
        let order = async {
            let order = orders.recv().await;
            FollowerAction::Carry(order.expect("the control sends them, and is held here"))
        };
        let retry = async {
            match place.parked.next_try() {
                Some((at, key)) => {
                    sleep_until(*at).await;
                    FollowerAction::Retry(Arc::clone(key))
                }
                None => std::future::pending().await,
            }
        };
        let news = async {
            let news = self.news(place.position, place.unheard).await;
            news.map_or_else(FollowerAction::End, FollowerAction::Read)
        };
        race(stop, race(work, race(order, race(retry, news)))).await
    }

    /// Reads up to a position.
    pub(super) async fn catch_up(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
        head: Position,
    ) -> Result<(), RunnerEnd> {
        let mut progress = (place.position < head).then(|| CatchUp::begin(F::NAME, true));
        while place.position < head {
            let count = self.read(followed, place).await?;
            if count == 0 {
                break; // The store has less than it said.
            }
            if let Some(progress) = &mut progress {
                progress.read(count, place.position, head, &self.ctx);
            }
        }
        self.end_catching_up(progress, place);
        Ok(())
    }

    /// Reads a page of events and handles it; how many there were.
    pub(super) async fn read(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
    ) -> Result<usize, RunnerEnd> {
        let events = self.page(place.position).await?.events;
        let count = events.len();
        if count > 0 {
            followed.handle(self, place, events).await?;
        }
        if self.is_stopping() {
            return Err(RunnerEnd::Stopped);
        }
        Ok(count)
    }

    /// Handles events one after the other, until it has to stop.
    pub(super) async fn handle_one_by_one(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
        events: Vec<RecordedEvent>,
    ) -> Result<(), RunnerEnd> {
        for event in events {
            if self.is_stopping() {
                break;
            }
            self.handle_one(followed, place, &event).await;
            place.position = event.position;
            if F::IS_STORED && place.is_to_be_saved() {
                self.save(followed, place).await?;
            }
        }
        self.save(followed, place).await
    }

    /// Handles an event, or parks it; unless it has to wait.
    async fn handle_one(&self, followed: &mut F, place: &mut FollowerPlace, event: &RecordedEvent) {
        if let Some(key) = self.claims(followed, place, event) {
            let shown = followed.show(self, place, &key, event).await;
            if let Err(failure) = shown {
                self.park(place, &key, event.position, failure);
            }
        }
    }

    /// The key of an event that is to be shown now. One that has to wait is noted, and one that cannot be
    /// read is parked.
    fn claims<'a>(
        &self,
        followed: &F,
        place: &mut FollowerPlace,
        event: &'a RecordedEvent,
    ) -> Option<Cow<'a, str>> {
        if place.ahead.contains(&event.position) {
            return None;
        }
        match followed.key(event) {
            EventKey::None => None,
            EventKey::Of(key) if place.parked.has(&key) => {
                place.parked.wait_behind(&key, event.position);
                None
            }
            EventKey::Of(key) => Some(key),
            EventKey::Unreadable(key, failure) => {
                self.park(place, &key, event.position, failure);
                None
            }
        }
    }

    /// Saves how far it is.
    pub(super) async fn save(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
    ) -> Result<(), RunnerEnd> {
        let changes = place.changes_to::<F>(place.position);
        followed.save(self, place, changes).await?;
        place.reach(place.position);
        self.publish(place);
        Ok(())
    }

    /// What follows reads all events anew: it shows how far that is.
    pub(super) fn publish_anew(&self, place: &mut FollowerPlace) {
        self.control
            .progress
            .send_modify(|progress| progress.position = None);
        self.publish(place);
    }

    /// Shows how far it is. Events that wait behind one that is skipped do not set that back.
    pub(super) fn publish(&self, place: &mut FollowerPlace) {
        if let Some(parked) = place.parked.changed() {
            *lock(&self.control.parked) = parked;
        }
        let settled = place.parked.settled_up_to(place.position);
        self.control.progress.send_if_modified(|progress| {
            let is_new = progress.position < Some(settled);
            if is_new {
                progress.position = Some(settled);
            }
            is_new
        });
    }
}
