//! [`FollowerPlace`]: how far a runner is, and what of that is not saved.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;
use std::time::Duration;

use tokio::time::Instant;

use crate::context::announce;
use crate::eventstore::backend::{DocumentChange, Position, StoreError};
use crate::eventstore::checkpoint::{self, ahead_of, checkpoint_at};
use crate::eventstore::events::EventParked;
use crate::eventstore::follower::{EventFailure, Followed, Follower, wait};
use crate::eventstore::parked::{Parked, ParkedEvent};
use crate::eventstore::store::Store;

/// How long a runner handles events before it saves that. A page may take longer.
pub(in crate::eventstore) const SAVE_AFTER: Duration = Duration::from_secs(1);

/// An attempt at an event, which has failed.
#[derive(Debug, Clone, Copy)]
pub(in crate::eventstore) enum EventAttempt {
    /// The runner's own, and which one it was.
    ByItself(u32),
    /// Somebody has ordered it. The event is not tried again by itself: it is parked for good.
    Ordered,
}

/// How far a runner is.
pub(in crate::eventstore) struct FollowerPlace {
    /// Everything up to here was shown, or waits.
    pub(in crate::eventstore) position: Position,
    /// Events behind that which were handled all the same.
    pub(in crate::eventstore) ahead: BTreeSet<Position>,
    pub(in crate::eventstore) parked: Parked,
    /// Whether it has come to where the store was when it began.
    pub(in crate::eventstore) is_caught_up: bool,
    /// How often the store could not say whether there are new events, since it last could.
    pub(super) unheard: u32,
    /// Changes to save with the next checkpoint.
    changes: Vec<DocumentChange>,
    saved_at: Instant,
    /// The checkpoint as it is saved, and whether there are events ahead of it.
    saved: Option<(Position, usize)>,
}

impl FollowerPlace {
    /// Before the first event.
    pub(in crate::eventstore) fn start(name: &str) -> Self {
        FollowerPlace {
            position: Position::START,
            ahead: BTreeSet::new(),
            parked: Parked::none(name),
            is_caught_up: false,
            unheard: 0,
            changes: Vec::new(),
            saved_at: Instant::now(),
            saved: None,
        }
    }

    /// Where it was.
    pub(super) async fn load<F: Followed>(store: &Store) -> Result<Self, StoreError> {
        let start = FollowerPlace::start(F::NAME);
        if !F::IS_STORED {
            return Ok(start);
        }
        let position = checkpoint::load(store, F::NAME).await?;
        let ahead = checkpoint::load_ahead(store, F::NAME).await?;
        let parked = Parked::load(store, F::NAME).await?;
        checkpoint::check(store, F::NAME, parked.last(), parked.collection()).await?;
        Ok(FollowerPlace {
            saved: Some((position, ahead.len())),
            position,
            ahead,
            parked,
            ..start
        })
    }

    pub(super) fn is_to_be_saved(&self) -> bool {
        self.saved_at.elapsed() >= SAVE_AFTER
    }

    /// What has to be written so that the store knows that it has come to a position.
    pub(in crate::eventstore) fn changes_to<F: Followed>(
        &self,
        position: Position,
    ) -> Vec<DocumentChange> {
        let mut changes = self.changes.clone();
        let ahead: BTreeSet<_> = self.ahead_of(position).collect();
        if self.saved != Some((position, ahead.len())) {
            changes.push(checkpoint_at(F::NAME, position));
        }
        let saved_ahead = self.saved.map_or(0, |(_, ahead)| ahead);
        if saved_ahead > 0 || !ahead.is_empty() {
            changes.push(ahead_of(F::NAME, &ahead));
        }
        changes
    }

    /// What has to be written so that nothing is handled yet.
    pub(in crate::eventstore) fn changes_to_start<F: Followed>(&self) -> Vec<DocumentChange> {
        let mut changes = self.parked.clear();
        changes.push(checkpoint_at(F::NAME, Position::START));
        changes.push(ahead_of(F::NAME, &BTreeSet::new()));
        changes
    }

    /// The store does not have it as it is here: the next save writes all of it.
    pub(in crate::eventstore) fn unsave(&mut self) {
        self.saved = None;
        self.changes = self.parked.all_changes();
    }

    /// It has come to a position, and that is saved.
    pub(in crate::eventstore) fn reach(&mut self, position: Position) {
        self.position = position;
        self.ahead = self.ahead_of(position).collect();
        self.changes.clear();
        self.saved = Some((position, self.ahead.len()));
        self.saved_at = Instant::now();
    }

    fn ahead_of(&self, position: Position) -> impl Iterator<Item = Position> {
        let behind = (Bound::Excluded(position), Bound::Unbounded);
        self.ahead.range(behind).copied()
    }
}

impl<F: Followed> Follower<F> {
    /// Lets a key wait behind an event that could not be handled. It is tried again by itself, so often; all
    /// other keys go on.
    pub(in crate::eventstore) fn park(
        &self,
        place: &mut FollowerPlace,
        key: &str,
        position: Position,
        failure: EventFailure,
    ) {
        self.park_with(place, key, position, failure, VecDeque::new());
    }

    /// Parks an event that others already wait behind. Returns those if the event is left out.
    pub(in crate::eventstore) fn park_with(
        &self,
        place: &mut FollowerPlace,
        key: &str,
        position: Position,
        failure: EventFailure,
        behind: VecDeque<Position>,
    ) -> Option<VecDeque<Position>> {
        if failure.is_left_out(&self.store) {
            return Some(behind);
        }
        let change = self.park_again(
            place,
            key,
            position,
            failure,
            EventAttempt::ByItself(1),
            behind,
        );
        place.changes.push(change);
        None
    }

    /// Lets a key wait behind an event that has failed; gives what is to be saved of that.
    pub(super) fn park_again(
        &self,
        place: &mut FollowerPlace,
        key: &str,
        position: Position,
        failure: EventFailure,
        attempt: EventAttempt,
        behind: VecDeque<Position>,
    ) -> DocumentChange {
        let name = F::NAME;
        let error = failure.text;
        let failed = match attempt {
            EventAttempt::ByItself(failed) if failed <= F::RETRIES && !failure.is_final => {
                Some(failed)
            }
            EventAttempt::ByItself(_) | EventAttempt::Ordered => None,
        };
        let retry = failed.map(|failed| (failed, Instant::now() + wait(failed, &self.ctx)));
        if retry.is_some() {
            tracing::warn!(name, key, %position, %error, "an event is tried again");
        } else {
            tracing::error!(name, key, %position, %error, "an event could not be handled and is parked");
            announce(self.ctx.handle(), || EventParked {
                name: name.to_owned(),
                key: key.to_owned(),
                position: position.0,
                error: error.clone(),
            });
        }
        let event = ParkedEvent {
            key: key.to_owned(),
            position,
            error,
        };
        place.parked.park(event, retry, behind)
    }
}
