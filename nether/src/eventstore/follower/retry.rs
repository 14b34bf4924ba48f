//! Retries of parked events: automatic after a wait, or on order.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::sleep_until;

use crate::error::Result;
use crate::eventstore::backend::Position;
use crate::eventstore::follower::parking::EventAttempt;
use crate::eventstore::follower::{
    EventFailure, EventKey, Followed, Follower, FollowerPlace, Reception, RunnerEnd,
};
use crate::race::race;

/// How a retry has ended that the store let end.
struct Retried {
    handled: usize,
    /// Why the first event that could not be handled could not.
    failed: Option<EventFailure>,
}

impl<F: Followed> Follower<F> {
    /// Tries again what has come to be due.
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

    /// Waits for all that is tried again by itself, until it is handled or parked.
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

    /// Carries out an order to try what is parked of a key, or all that is parked for good; how many events
    /// were handled. The error of the inner result is why an event could not be.
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

    /// Leaves out the event that a key waits behind. What waits behind it is handled.
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
        let change = place.parked.change_to(key, positions.front().copied());
        followed.save(self, place, vec![change]).await?;
        tracing::warn!(name = F::NAME, key, position = %first, "a parked event is left out");
        place.parked.advance(key, positions);
        let attempt = EventAttempt::ByItself(1);
        let retried = self.retry_key(followed, place, key, attempt).await;
        self.publish(place);
        retried.map(|_| true)
    }

    /// The event that a key waits behind, and those that wait behind it.
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

    /// Handles the events of a key from the one that it waits behind. If one fails, the key waits behind it.
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
        // One that had to wait, and that no saga takes, is of no use to anybody.
        let had_failed = place.parked.failed(key) != Some(0);
        let mut positions = self.positions(followed, place, key, first).await?;
        while let Some(position) = positions.pop_front() {
            self.check_going()?;
            let Some(event) = self.event(position).await? else {
                place.parked.advance(key, positions.clone());
                continue;
            };
            let next = positions.front().copied();
            let change = place.parked.change_to(key, next);
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

    /// Finds the events of a key behind one, up to another.
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
                let is_mine = matches!(followed.key(event), EventKey::Of(of) if of == key);
                is_mine && event.position <= last
            });
            found.extend(mine.map(|event| event.position));
        }
        Ok(found)
    }
}
