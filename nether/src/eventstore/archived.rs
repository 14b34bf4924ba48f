//! What readers and writers find of a stream that is archived: an error, and nothing that looks new.

use crate::eventstore::backend::{
    Direction, DocumentChange, DocumentCondition, RecordedEvent, StoreError, StreamId,
};
use crate::eventstore::store::Store;

/// The name of the record, which is the last event of an archived stream.
pub(super) const RECORD: &str = "nether.stream_archived";

/// The collection with a document for each archived stream, by its name: what is made of a stream is written
/// on condition that there is none.
const MARKS: &str = "archived";

/// The change that marks a stream as archived.
pub(super) fn mark(stream: &StreamId) -> DocumentChange {
    DocumentChange {
        collection: MARKS.into(),
        key: stream.as_str().into(),
        content: Some(Vec::new()),
    }
}

/// The condition that a stream is not archived.
pub(super) fn unmarked(stream: &StreamId) -> DocumentCondition {
    DocumentCondition {
        collection: MARKS.into(),
        key: stream.as_str().into(),
        content: None,
    }
}

/// Checks that events that were read of one stream are not those of an archived one.
///
/// # Errors
/// [`StoreError::Archived`] if they are; or why the store could not say since when.
pub(super) async fn check(store: &Store, events: &[RecordedEvent]) -> Result<(), StoreError> {
    let found = events.iter().find(|it| is_of_archived(it));
    match found {
        None => Ok(()),
        Some(event) => Err(error(store, &event.stream).await?),
    }
}

fn is_of_archived(event: &RecordedEvent) -> bool {
    event.is_archived() || *event.name == *RECORD
}

/// The error for an archived stream.
///
/// # Errors
/// Why its last event could not be read.
pub(super) async fn error(store: &Store, stream: &StreamId) -> Result<StoreError, StoreError> {
    let last = store.read_stream(stream, u64::MAX, Direction::Backwards, 1);
    Ok(StoreError::Archived {
        stream: stream.clone(),
        time: last.await?.first().map_or(0, |it| it.metadata.time),
    })
}
