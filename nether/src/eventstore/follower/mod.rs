//! [`Follower`]: the runner that projections and sagas share. It reads the store page by page, shows each
//! event to what [follows](Followed) the store, saves the progress, parks events that cannot be handled, and
//! carries out orders.
//!
//! An orderly stop loses no progress: the runner checks between two events whether it has to stop, and saves
//! what was done also while it stops. However a runner ends, every wait for it ends too.
//!
//! If several runners share a checkpoint, only the one that holds the lease runs.

mod end;
mod failure;
mod followed;
mod opening;
mod parking;
mod persist;
mod place;
mod retry;
mod standby;
mod step_span;

pub(super) use self::end::{RunnerEnd, answer};
pub(super) use self::failure::{EventFailure, guarded, guarded_now, guarded_within};
pub(super) use self::followed::{EventKey, Followed, OnChange, Reception};
pub(super) use self::opening::prepare;
pub(super) use self::persist::{unpanicked, wait, wait_after};
pub(super) use self::place::{FollowerPlace, SAVE_AFTER, UnsavedPlace};
pub(super) use self::step_span::StepSpan;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::sleep_until;

use self::opening::OpenedPlace;
use crate::context::Context;
use crate::error::Result;
use crate::eventstore::backend::{Position, RecordedEvent};
use crate::eventstore::control::{Control, FollowerKind, FollowerOrder, FollowerSeat};
use crate::eventstore::lease::Lease;
use crate::eventstore::progress::CatchUp;
use crate::eventstore::store::Store;
use crate::race::race;
use crate::sync::lock;

/// What a runner works with.
pub(super) struct Follower<F: Followed> {
    pub(super) store: Store,
    pub(super) control: Arc<Control<F::Kind>>,
    /// Cancelled when the module has to stop.
    pub(super) ctx: Context<F::Module>,
    /// The right to save progress; `None` if it saves none, or while it stands by.
    pub(super) lease: Option<Arc<Lease>>,
}

/// What the runner does next.
enum FollowerAction<F: Followed> {
    Stop,
    Work(F::Work),
    Carry(FollowerOrder<<F::Kind as FollowerKind>::Order>),
    Retry(Arc<str>),
    /// The store may have new events. How often in a row it has failed to say so.
    Read(u32),
    End(RunnerEnd),
}

impl<F: Followed> Follower<F> {
    /// Follows the store until the module has to stop.
    ///
    /// # Errors
    /// If the store has failed for good, or what follows could not be made again after a takeover.
    pub(super) async fn run(
        store: Store,
        ctx: Context<F::Module>,
        mut seat: FollowerSeat<F::Kind>,
        mut followed: F,
    ) -> Result<()> {
        let mut follower = Follower {
            store,
            control: Arc::clone(&seat.control),
            ctx,
            lease: None,
        };
        let ended = match F::IS_STORED {
            true => {
                let run = follower.run_by_lease(&mut followed, &mut seat.orders);
                run.await
            }
            false => follower.follow(&mut followed, &mut seat.orders).await,
        };
        match ended {
            Err(end @ (RunnerEnd::Failed(_) | RunnerEnd::Unmade(_))) => {
                let error = end.to_error();
                seat.fail(&error);
                Err(error)
            }
            Ok(())
            | Err(
                RunnerEnd::Stopped
                | RunnerEnd::Unsaved
                | RunnerEnd::Fenced
                | RunnerEnd::Outdated(_),
            ) => Ok(()),
        }
    }

    async fn follow(
        &self,
        followed: &mut F,
        orders: &mut mpsc::Receiver<FollowerOrder<<F::Kind as FollowerKind>::Order>>,
    ) -> Result<(), RunnerEnd> {
        let mut head = self.head().await?;
        let OpenedPlace {
            mut place,
            is_rebuild,
        } = match F::IS_STORED {
            true => self.open(followed).await?,
            false => OpenedPlace::start(F::NAME),
        };
        followed.begin(self).await?;
        self.publish_anew(&mut place);
        let mut catching_up = (place.position < head).then(|| CatchUp::begin(F::NAME, is_rebuild));
        loop {
            if !place.is_caught_up && place.position >= head {
                self.end_catching_up(catching_up.take(), &place);
                place.is_caught_up = true;
                self.control
                    .progress
                    .send_modify(|progress| progress.is_ready = true);
                match followed.note_caught_up(self).await {
                    Err(RunnerEnd::Stopped) => break,
                    noted => noted?,
                }
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
        if self.is_fenced() {
            return Err(RunnerEnd::Fenced);
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
        match (self.confirm_lease().await, &action) {
            // The result of a command is noted also while the module stops.
            (Err(RunnerEnd::Stopped), FollowerAction::Work(_)) => {}
            (confirmed, _) => confirmed?,
        }
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
            FollowerAction::Read(failures) => {
                place.news_failures = failures;
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
        let fenced = async {
            match &self.lease {
                Some(lease) => lease.lost().await,
                None => std::future::pending().await,
            }
            FollowerAction::End(RunnerEnd::Fenced)
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
            let news = self.news(place.position, place.news_failures).await;
            news.map_or_else(FollowerAction::End, FollowerAction::Read)
        };
        let ended = race(stop, fenced);
        race(ended, race(work, race(order, race(retry, news)))).await
    }

    /// Reads and handles events up to a position.
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

    /// Reads a page of events and handles it; returns how many events it had.
    pub(super) async fn read(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
    ) -> Result<usize, RunnerEnd> {
        let events = self.page(place.position).await?.events;
        self.store.note_erasures(&events);
        let count = events.len();
        if count > 0 {
            self.confirm_lease().await?;
            followed.handle(self, place, events).await?;
        }
        self.check_going()?;
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
            self.confirm_lease().await?;
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

    /// Handles an event, or parks it. One that cannot be read is parked, too.
    async fn handle_one(&self, followed: &mut F, place: &mut FollowerPlace, event: &RecordedEvent) {
        if place.ahead.contains(&event.position) {
            return;
        }
        match followed.key(event) {
            EventKey::None => {}
            EventKey::Of(key) => self.handle_for(followed, place, &key, event).await,
            EventKey::Several(keys) => {
                for key in keys {
                    Box::pin(self.handle_for(followed, place, &key, event)).await;
                }
            }
            EventKey::Unreadable(key, failure) => {
                self.park(place, &key, event.position, failure);
            }
        }
    }

    /// Handles an event for one of the keys that it has, or parks it. If the key waits behind a parked event,
    /// this is only noted.
    async fn handle_for(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
        key: &str,
        event: &RecordedEvent,
    ) {
        if place.parked.has(key) && !followed.overtakes(key, event) {
            place.parked.wait_behind(key, event.position);
            return;
        }
        let shown = followed.show(self, place, key, event).await;
        if let Err(failure) = shown {
            self.park(place, key, event.position, failure);
        }
    }

    /// Saves the progress up to the present position, and then shows it.
    pub(super) async fn save(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
    ) -> Result<(), RunnerEnd> {
        let changes = place.changes_to(place.position);
        followed.save(self, place, changes).await?;
        place.reach(place.position);
        self.publish(place);
        Ok(())
    }

    /// Shows the progress of a rebuild, whose position is behind the one shown before.
    pub(super) fn publish_anew(&self, place: &mut FollowerPlace) {
        self.publish_from(place, |_| None);
    }

    /// Shows the progress. The position that is shown never goes back: events that waited behind one that is
    /// skipped are retried, and are before it.
    pub(super) fn publish(&self, place: &mut FollowerPlace) {
        self.publish_from(place, |shown| shown);
    }

    /// Shows the progress, with a position that is not behind `least` of the one shown.
    fn publish_from(
        &self,
        place: &mut FollowerPlace,
        least: impl Fn(Option<Position>) -> Option<Position>,
    ) {
        let parked = place.parked.changed();
        let is_other = parked.is_some();
        if let Some(parked) = parked {
            *lock(&self.control.parked) = parked;
        }
        let settled = place.parked.settled_up_to(place.position);
        let is_retrying = place.parked.next_try().is_some();
        self.control.progress.send_if_modified(|progress| {
            let position = least(progress.position).max(Some(settled));
            let is_new = (progress.position, progress.is_retrying) != (position, is_retrying);
            (progress.position, progress.is_retrying) = (position, is_retrying);
            is_new || is_other
        });
    }
}
