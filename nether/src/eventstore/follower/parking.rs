//! Parking: an event that could not be handled is set aside, and is retried for a while.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::context::announce;
use crate::escaped::Escaped;
use crate::eventstore::backend::{DocumentChange, Position};
use crate::eventstore::events::EventParked;
use crate::eventstore::follower::{EventFailure, Followed, Follower, FollowerPlace};
use crate::eventstore::parked::ParkedEvent;

/// The kind of attempt that has failed.
#[derive(Debug, Clone, Copy)]
pub(in crate::eventstore) enum EventAttempt {
    /// An automatic attempt, and its number.
    ByItself(u32),
    /// An attempt that was ordered through a handle. It is not followed by automatic ones: the event is
    /// parked for good.
    Ordered,
}

impl<F: Followed> Follower<F> {
    /// Lets a key wait behind an event that could not be handled. The event is retried automatically, up to
    /// [`Followed::POLICY`] times; all other keys go on.
    pub(in crate::eventstore) fn park(
        &self,
        place: &mut FollowerPlace,
        key: &str,
        position: Position,
        failure: EventFailure,
    ) {
        self.park_with(place, key, position, failure, VecDeque::new());
    }

    /// Parks an event that others already wait behind.
    pub(in crate::eventstore) fn park_with(
        &self,
        place: &mut FollowerPlace,
        key: &str,
        position: Position,
        failure: EventFailure,
        behind: VecDeque<Position>,
    ) {
        let change = self.park_again(
            place,
            key,
            position,
            failure,
            EventAttempt::ByItself(1),
            behind,
        );
        place.changes.push(change);
    }

    /// Lets a key wait behind an event that has failed, and returns the change that saves this.
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
        let is_unknown = failure.is_unknown;
        let error = failure.text;
        let failed = match attempt {
            EventAttempt::ByItself(failed)
                if failed <= u32::from(F::POLICY.retries) && !failure.is_final =>
            {
                Some(failed)
            }
            EventAttempt::ByItself(_) | EventAttempt::Ordered => None,
        };
        let chance = &self.ctx.handle().scope.mediator.chance;
        let wait = |failed| F::POLICY.backoff.wait(failed, chance);
        let retry = failed.map(|failed| (failed, Instant::now() + wait(failed)));
        if retry.is_some() {
            tracing::warn!(name, key, %position, error = %Escaped(&error), "an event is tried again");
        } else {
            tracing::error!(name, key, %position, error = %Escaped(&error), "an event could not be handled and is parked");
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
        place.parked.park(event, retry, is_unknown, behind)
    }
}
