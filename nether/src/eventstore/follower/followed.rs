//! [`Followed`]: what the runner needs of a projection, or of the sagas of a type, to show them events.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::error::Result;
use crate::eventstore::backend::{DocumentChange, Position, RecordedEvent, StoreError};
use crate::eventstore::control::FollowerKind;
use crate::eventstore::definition::Definition;
use crate::eventstore::follower::{EventFailure, Follower, FollowerPlace, RunnerEnd};
#[cfg(doc)]
use crate::eventstore::follower::{answer, guarded};
use crate::eventstore::handling::HandlingPolicy;
use crate::eventstore::lease::Lease;
use crate::eventstore::store::Store;
use crate::routing::Caller;

/// Which stream or saga an event is for. If the event cannot be handled, later events with its key wait.
pub(in crate::eventstore) enum EventKey<'a> {
    /// It is for none of them.
    None,
    Of(Cow<'a, str>),
    /// It becomes several events when it is read, which are for different ones.
    Several(Vec<String>),
    /// The key cannot be read, so the event is parked under this one.
    Unreadable(String, EventFailure),
}

impl EventKey<'_> {
    /// Whether the event is for that stream or saga.
    pub(super) fn is(&self, key: &str) -> bool {
        match self {
            EventKey::Of(of) => of == key,
            EventKey::Several(keys) => keys.iter().any(|of| of == key),
            EventKey::None | EventKey::Unreadable(..) => false,
        }
    }
}

/// The result of showing an event that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::eventstore) enum Reception {
    Handled,
    /// It waits until the saga that it is behind is over.
    Held,
    /// There is no saga that takes it.
    Ignored,
}

/// What becomes of what has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::eventstore) enum OnChange {
    /// It goes on, and handles the events from here on as it does now.
    GoOn,
    /// What it has stored is removed, and all of its events are handled again.
    Rebuild,
    /// What it has stored would have to be removed, and nothing says how.
    Refuse,
}

/// What follows a store: a projection, or the sagas of a type.
///
/// Its methods run user code inside of [`guarded`], so that a panic is a failure of one event.
pub(in crate::eventstore) trait Followed:
    Send + Sync + Sized + 'static
{
    /// The name of its checkpoint.
    const NAME: &'static str;
    /// How long a handler may take, and how often an event is tried again before it is parked for good.
    const POLICY: HandlingPolicy;
    /// Whether its progress outlives the process.
    const IS_STORED: bool;
    /// What it is, to compare with what ran last.
    const DEFINITION: Definition;
    /// What becomes of it if that was something else.
    const ON_CHANGE: OnChange;
    /// Whether a new one has to say what becomes of the events from before its time.
    const MUST_SAY_FROM: bool;
    /// Its module.
    type Module: Caller;
    /// Its orders, and what it shows.
    type Kind: FollowerKind;
    /// What it does besides handling events.
    type Work: Send;

    /// Which stream or saga an event is for.
    fn key<'a>(&self, event: &'a RecordedEvent) -> EventKey<'a>;

    /// Shows it an event. What this changes is kept in memory, and saved with the next checkpoint.
    fn show(
        &mut self,
        follower: &Follower<Self>,
        place: &FollowerPlace,
        key: &str,
        event: &RecordedEvent,
    ) -> impl Future<Output = Result<Reception, EventFailure>> + Send;

    /// Shows it an event that was parked. Unless that fails, or the event is ignored, the result is saved
    /// together with `change`, which says what is parked then.
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

    /// Whether an event of a key that waits behind a parked event is shown nevertheless: it needs nothing of
    /// what comes of those before it.
    fn overtakes(&self, key: &str, event: &RecordedEvent) -> bool {
        let _ = (key, event);
        false
    }

    /// The parked event of a key is about to be left out. What this changes is saved with it.
    fn give_up(
        &mut self,
        follower: &Follower<Self>,
        position: Position,
    ) -> impl Future<Output = Result<(), RunnerEnd>> + Send {
        let _ = (follower, position);
        async { Ok(()) }
    }

    /// A parked event is left out: it is not shown again.
    fn leave_out(&mut self, position: Position) {
        let _ = position;
    }

    /// Handles events from the first one on, as many of them as it likes, and saves the progress.
    fn handle(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        events: Vec<RecordedEvent>,
    ) -> impl Future<Output = Result<(), RunnerEnd>> + Send {
        follower.handle_one_by_one(self, place, events)
    }

    /// Saves what it has changed, together with `changes`.
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

    /// The positions of the events of a key after `first`, up to `last`.
    fn waiting(
        &self,
        follower: &Follower<Self>,
        key: &str,
        first: Position,
        last: Position,
    ) -> impl Future<Output = Result<VecDeque<Position>, RunnerEnd>> + Send {
        follower.find(self, key, first, last)
    }

    /// While another runner runs it: reads what that one has saved, and shows it.
    fn look(
        &mut self,
        follower: &Follower<Self>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = follower;
        async { Ok(()) }
    }

    /// Whether it is as new as what other runners may have saved before this one took the lease.
    fn is_current(&self, lease: &Lease) -> bool {
        let _ = lease;
        true // It is loaded by `begin`.
    }

    /// Is made again as at the start of the program, because another runner has gone on with it meanwhile.
    fn renew(&mut self, store: &Store) -> impl Future<Output = Result<(), EventFailure>> + Send {
        let _ = store;
        async { Ok(()) }
    }

    /// Abandons what it has begun. Called when its runner has ended, in whatever way.
    fn step_down(&mut self) {}

    /// Whether the store has something of it besides its progress.
    fn has_stored(store: &Store) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = store;
        async { Ok(false) }
    }

    /// Removes what it has stored, together with changes that are written: because it is
    /// [rebuilt](OnChange::Rebuild). Where the two cannot be one step, `mark` is written before: a runner
    /// that finds it does both again.
    fn empty(
        &mut self,
        follower: &Follower<Self>,
        mark: DocumentChange,
        changes: Vec<DocumentChange>,
    ) -> impl Future<Output = Result<Result<(), EventFailure>, RunnerEnd>> + Send {
        let _ = mark;
        async move { follower.write(changes).await.map(Ok) }
    }

    /// Rebuilds it beside its tables, which answer queries until the new ones take their place: of a
    /// projection that names its tables.
    fn rebuild_beside(
        &mut self,
        follower: &Follower<Self>,
    ) -> impl Future<Output = Result<Result<(), EventFailure>, RunnerEnd>> + Send {
        let _ = follower;
        async { Ok(Ok(())) }
    }

    /// It has caught up with the store.
    fn note_caught_up(
        &mut self,
        follower: &Follower<Self>,
    ) -> impl Future<Output = Result<(), RunnerEnd>> + Send {
        let _ = follower;
        async { Ok(()) }
    }

    /// Loads what it needs.
    fn begin(
        &mut self,
        follower: &Follower<Self>,
    ) -> impl Future<Output = Result<(), RunnerEnd>> + Send {
        let _ = follower;
        async { Ok(()) }
    }

    /// Waits for its next work. Cancel safe: dropping the future loses no work.
    fn next_work(&mut self, place: &FollowerPlace) -> impl Future<Output = Self::Work> + Send;

    /// Does its work.
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

    /// Waits for what is under way, and takes in its results, when the module stops.
    fn finish(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
    ) -> impl Future<Output = Result<(), RunnerEnd>> + Send {
        let _ = (follower, place);
        async { Ok(()) }
    }
}
