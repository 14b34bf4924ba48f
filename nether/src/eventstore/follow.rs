//! Following all events of a store, from a checkpoint on: what projections and sagas have in common.

use std::time::Duration;

use tokio::time::sleep;

use crate::context::Context;
use crate::eventstore::handle::Store;
use crate::eventstore::store::{Direction, DocumentChange, Position, RecordedEvent, StoreError};
use crate::race::race;
use crate::routing::Sender;

/// How many events are read at a time.
pub(super) const PAGE: usize = 1024;

/// How long to wait before a store that failed is asked again: twice as long each time.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Where the name of a checkpoint is.
const CHECKPOINTS: &str = "checkpoint";

/// The position that is written down as the last one handled.
pub(super) async fn checkpoint(store: &Store, name: &str) -> Result<Position, StoreError> {
    let Some(content) = store.document(CHECKPOINTS, name).await? else {
        return Ok(Position::START);
    };
    serde_json::from_slice(&content).map_err(|error| StoreError::Codec {
        what: format!("the checkpoint of `{name}` cannot be read"),
        reason: error.to_string(),
    })
}

/// That a position is the last one handled.
pub(super) fn checkpoint_at(name: &str, position: Position) -> DocumentChange {
    DocumentChange {
        collection: CHECKPOINTS.into(),
        key: name.into(),
        content: Some(position.to_string().into_bytes()),
    }
}

/// The events of a stream from the one at a position, up to another.
pub(super) async fn stream_from(
    store: &Store,
    first: Position,
    last: Position,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let before = Position(first.0.saturating_sub(1));
    let Some(first) = store.read_all(before, 1).await?.pop() else {
        return Ok(Vec::new());
    };
    let mut events: Vec<RecordedEvent> = Vec::new();
    loop {
        let next = events
            .last()
            .map_or(first.version, |event| event.version + 1);
        let page = store.read_stream(&first.stream, next, Direction::Forwards, PAGE);
        let page = page.await?;
        let is_last = page.len() < PAGE || page.iter().any(|event| event.position > last);
        events.extend(page.into_iter().filter(|event| event.position <= last));
        if is_last {
            return Ok(events);
        }
    }
}

/// Does something with the store until that succeeds, or the module is told to stop: then `None`.
pub(super) async fn persistently<T, S: Sender, F>(
    name: &str,
    ctx: &Context<S>,
    mut attempt: impl FnMut() -> F,
) -> Option<T>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut wait = FIRST_WAIT;
    loop {
        if ctx.is_cancelled() {
            return None;
        }
        match attempt().await {
            Ok(done) => return Some(done),
            Err(error) => tracing::warn!(name, %error, "the event store failed: it is tried again"),
        }
        race(sleep(wait), ctx.cancelled()).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
