//! Where those who follow a store are: checkpoints, and a stream from an event on.

use crate::eventstore::backend::{
    Direction, DocumentChange, PAGE, Position, RecordedEvent, StoreError,
};
use crate::eventstore::store::Store;

/// Where the name of a checkpoint is.
const CHECKPOINTS: &str = "checkpoint";

/// The position that is written down as the last one handled.
///
/// # Errors
/// [`StoreError::Corrupt`] if it is ahead of the newest event: events are missing from the store, and those
/// that take their positions would never be handled.
pub(super) async fn load(store: &Store, name: &str) -> Result<Position, StoreError> {
    let Some(content) = store.document(CHECKPOINTS, name).await? else {
        return Ok(Position::START);
    };
    let position = serde_json::from_slice(&content).map_err(|error| StoreError::Codec {
        what: format!("the checkpoint of `{name}` cannot be read"),
        reason: error.to_string(),
    })?;
    let head = store.head().await?;
    if position > head {
        return Err(StoreError::Corrupt {
            reason: format!(
                "the checkpoint of `{name}` is at position {position}, and the newest event at {head}: events are missing, so restore a backup that has them; or remove the checkpoint (the document `{name}` of `{CHECKPOINTS}`), after which `{name}` handles all events again"
            ),
            readable_up_to: Some(head),
        });
    }
    Ok(position)
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
            .map_or(first.stream_version, |event| event.stream_version + 1);
        let page = store.read_stream(&first.stream, next, Direction::Forwards, PAGE);
        let page = page.await?;
        let is_last = page.len() < PAGE || page.iter().any(|event| event.position > last);
        events.extend(page.into_iter().filter(|event| event.position <= last));
        if is_last {
            return Ok(events);
        }
    }
}
