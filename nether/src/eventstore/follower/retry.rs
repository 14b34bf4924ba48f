//! Retries of parked events: automatic after a wait, or on order.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::sleep_until;

use crate::error::Result;
use crate::eventstore::backend::Position;
use crate::eventstore::follower::parking::EventAttempt;
use crate::eventstore::follower::{
    EventFailure, Followed, Follower, FollowerPlace, Reception, RunnerEnd,
};
use crate::race::race;

/// The result of a retry.
struct Retried {
    /// How many events were handled.
    handled: usize,
    /// The failure of the event that stopped the retry.
    failed: Option<EventFailure>,
}

impl<F: Followed> Follower<F> {
    /// Retries a key whose wait is over.
    pub(super) async fn retry_by_itself(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
        key: &Arc<str>,
    ) -> Result<(), RunnerEnd> {
        let failed = place.parked.failed(key).unwrap_or_default();
        let attempt = EventAttempt::ByItself(failed.saturating_add(1));
        let retried = self.retry_key(followed, place, key, attempt).await;
        self.publish(place);
        retried.map(drop)
    }

    /// Retries all keys that are retried automatically, until their events are handled or parked for good.
    pub(in crate::eventstore) async fn settle_retries(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
    ) -> Result<(), RunnerEnd> {
        while let Some((at, key)) = place.parked.next_try().cloned() {
            race(sleep_until(at), self.ctx.cancelled()).await;
            self.check_going()?;
            self.retry_by_itself(followed, place, &key).await?;
        }
        Ok(())
    }

    /// Carries out an order to retry the events of one key, or of all keys that are parked for good. Returns
    /// how many events were handled; the inner error is the first failure of one.
    pub(super) async fn carry_retry(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
        key: Option<String>,
    ) -> Result<Result<usize>, RunnerEnd> {
        let keys = key.map_or_else(|| place.parked.keys(), |key| vec![key]);
        let (mut handled, mut failed) = (0, None);
        for key in keys {
            let retried = self.retry_key(followed, place, &key, EventAttempt::Ordered);
            let retried = retried.await;
            self.publish(place);
            let retried = retried?;
            handled += retried.handled;
            failed = failed.or(retried.failed);
        }
        let failed = failed.map(EventFailure::into_error);
        Ok(failed.map_or(Ok(handled), Err))
    }

    /// Skips the event that a key waits behind, and handles the events that wait behind it. Returns whether
    /// there was one.
    pub(super) async fn skip(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
        key: &str,
    ) -> Result<bool, RunnerEnd> {
        let Some(first) = place.parked.position(key) else {
            return Ok(false);
        };
        let mut positions = self.positions(followed, place, key, first).await?;
        positions.pop_front();
        followed.give_up(self, first).await?;
        let change = place.parked.change_to(key, positions.front().copied());
        followed.save(self, place, vec![change]).await?;
        followed.leave_out(first);
        tracing::warn!(name = F::NAME, key, position = %first, "a parked event is left out");
        place.parked.advance(key, positions);
        let attempt = EventAttempt::ByItself(1);
        let retried = self.retry_key(followed, place, key, attempt).await;
        self.publish(place);
        retried.map(|_| true)
    }

    /// The positions of the event that a key waits behind and of those that wait behind it.
    async fn positions(
        &self,
        followed: &F,
        place: &FollowerPlace,
        key: &str,
        first: Position,
    ) -> Result<VecDeque<Position>, RunnerEnd> {
        let mut positions = match place.parked.behind(key) {
            Some(behind) => behind.clone(),
            None => followed.waiting(self, key, first, place.position).await?,
        };
        positions.push_front(first);
        Ok(positions)
    }

    /// Handles the events of a key, from the one that it waits behind. If one fails, the key waits behind
    /// that.
    async fn retry_key(
        &self,
        followed: &mut F,
        place: &mut FollowerPlace,
        key: &str,
        attempt: EventAttempt,
    ) -> Result<Retried, RunnerEnd> {
        let mut retried = Retried {
            handled: 0,
            failed: None,
        };
        let Some(first) = place.parked.position(key) else {
            return Ok(retried);
        };
        // An event that only had to wait, and that no saga takes any more, is passed over.
        let had_failed = place.parked.failed(key) != Some(0);
        let mut positions = self.positions(followed, place, key, first).await?;
        while let Some(position) = positions.pop_front() {
            self.check_going()?;
            self.confirm_lease().await?;
            let Some(event) = self.event(position).await? else {
                place.parked.advance(key, positions.clone());
                continue;
            };
            let next = positions.front().copied();
            let change = place.parked.change_to(key, next);
            if event.is_archived() {
                tracing::warn!(name = F::NAME, key, %position, "an event that waited is passed over: its stream is archived");
                followed.save(self, place, vec![change]).await?;
                followed.leave_out(position);
                place.parked.advance(key, positions.clone());
                continue;
            }
            let shown = followed.show_again(self, place, key, &event, change.clone());
            let failure = match shown.await? {
                Ok(Reception::Ignored) if position == first && had_failed => EventFailure {
                    is_final: true,
                    ..EventFailure::new(format!(
                        "no saga takes the event at position {position}: it stays parked until it is skipped"
                    ))
                },
                Ok(reception) => {
                    if reception == Reception::Ignored {
                        followed.save(self, place, vec![change]).await?;
                    }
                    retried.handled += usize::from(reception == Reception::Handled);
                    place.parked.advance(key, positions.clone());
                    continue;
                }
                Err(failure) => failure,
            };
            let attempt = match attempt {
                // An event behind the one that had failed is tried for the first time.
                EventAttempt::ByItself(_) if position != first => EventAttempt::ByItself(1),
                of_first => of_first,
            };
            let kept = failure.clone();
            let change = self.park_again(place, key, position, kept, attempt, positions);
            followed.save(self, place, vec![change]).await?;
            retried.failed = Some(failure);
            break;
        }
        Ok(retried)
    }

    /// Finds the events of a key after `first`, up to `last`, by reading all events in between.
    pub(super) async fn find(
        &self,
        followed: &F,
        key: &str,
        first: Position,
        last: Position,
    ) -> Result<VecDeque<Position>, RunnerEnd> {
        let mut found = VecDeque::new();
        let mut after = first;
        while after < last {
            let page = self.page(after).await?;
            let Some(end) = page.events.last().map(|event| event.position) else {
                break;
            };
            after = end;
            let events = page.events.iter();
            let mine = events.filter(|event| {
                let is_mine = followed.key(event).is(key);
                is_mine && event.position <= last
            });
            found.extend(mine.map(|event| event.position));
        }
        Ok(found)
    }
}
