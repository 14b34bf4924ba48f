//! What sagas have parked, tried again.

use crate::error::{Error, Result};
use crate::eventstore::backend::{Position, RecordedEvent};
use crate::eventstore::follower::stopping;
use crate::eventstore::saga::Saga;
use crate::eventstore::saga::runner::{SagaPlace, SagaRunner};

impl<S: Saga> SagaRunner<S> {
    /// Handles the events of a key from the one that is parked, up to where all others are.
    pub(super) async fn retry(&self, place: &mut SagaPlace<S>, key: &str) -> Result<usize> {
        let Some(first) = place.parked.position(key) else {
            return Ok(0);
        };
        let events = self.events_of(key, first, place.position).await;
        let events = events.ok_or_else(stopping)?;
        let mut changes: Vec<_> = place.parked.release(key).into_iter().collect();
        let (mut handled, mut failed) = (0, None);
        for event in &events {
            let tried = match self.waits_for(place, event, key) {
                Some(error) => Some((key.to_owned(), error)),
                None => self.handle(place, event).await,
            };
            if let Some((key, error)) = tried {
                changes.push(self.0.park(&mut place.parked, &key, event, &error));
                failed = Some(error);
                break;
            }
            handled += 1;
        }
        self.save(place, changes).await.ok_or_else(stopping)?;
        failed.map_or(Ok(handled), Err)
    }

    /// The events of a key between two positions, and the one at the first; `None` if it is told to stop.
    async fn events_of(
        &self,
        key: &str,
        first: Position,
        last: Position,
    ) -> Option<Vec<RecordedEvent>> {
        let mut events = Vec::new();
        let mut after = Position(first.0.saturating_sub(1));
        while after < last {
            let page = self.0.page(after).await?;
            let Some(end) = page.last().map(|event| event.position) else {
                break;
            };
            after = end;
            events.extend(page.into_iter().filter(|event| {
                let of = S::key(event).and_then(Result::ok);
                let is_mine = of.is_some_and(|of| of == key) || event.position == first;
                is_mine && event.position <= last
            }));
        }
        Some(events)
    }

    /// Why an event that could not be read must wait, now that it is known which saga it is for: that waits
    /// itself.
    fn waits_for(
        &self,
        place: &SagaPlace<S>,
        event: &RecordedEvent,
        parked_as: &str,
    ) -> Option<Error> {
        let key = S::key(event)?.ok()?;
        let waits = key != parked_as && place.parked.has(&key);
        waits.then(|| {
            Error::msg(format!(
                "the saga `{key}` waits behind another event that is parked"
            ))
        })
    }
}
