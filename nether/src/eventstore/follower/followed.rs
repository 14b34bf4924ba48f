//! [`Followed`]: what a projection and the sagas of a type are to the runner that shows them events.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::error::Result;
use crate::eventstore::backend::{DocumentChange, Position, RecordedEvent, StoreError};
use crate::eventstore::control::FollowerKind;
use crate::eventstore::follower::{EventFailure, Follower, FollowerPlace, RunnerEnd};
#[cfg(doc)]
use crate::eventstore::follower::{answer, guarded};
use crate::routing::Caller;

/// Which stream or saga an event is for: what waits behind it if it cannot be handled.
pub(in crate::eventstore) enum EventKey<'a> {
    /// Nobody's.
    None,
    Of(Cow<'a, str>),
    /// The event is parked under that name, because it cannot be known whose it is.
    Unreadable(String, EventFailure),
}

/// What became of an event that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::eventstore) enum Reception {
    Handled,
    /// It waits until what it is for is over.
    Held,
    /// There is none that it could be for.
    Ignored,
}

/// What follows a store: a projection, or the sagas of a type.
///
/// Its methods run code of the user's inside of [`guarded`], so that a panic is a failure of one event.
pub(in crate::eventstore) trait Followed:
    Send + Sync + Sized + 'static
{
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

    /// Shows what the store says of it, while another runner runs it.
    fn look(
        &mut self,
        follower: &Follower<Self>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = follower;
        async { Ok(()) }
    }

    /// Becomes what it is when the program starts, because another runner has gone on with it meanwhile.
    fn renew(&mut self) -> impl Future<Output = Result<(), EventFailure>> + Send {
        async { Ok(()) }
    }

    /// Lets go of what it has begun: another runner does that from now on.
    fn step_down(&mut self) {}

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
