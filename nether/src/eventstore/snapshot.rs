//! Snapshots: an aggregate's state, written down, so that not all of its events need be read again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::escaped::Escaped;
use crate::eventstore::aggregate::Aggregate;
use crate::eventstore::archived;
use crate::eventstore::backend::{DocumentChange, StoreError, StreamId};
use crate::eventstore::store::Store;
use crate::eventstore::stored::Keeping;
use crate::guarded::panic_text;

/// A snapshot in the store.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    /// How many events are in it.
    version: u64,
    /// The `snapshot_version` of the aggregate that made it.
    shape: u32,
    state: Box<RawValue>,
}

/// The newest state that is written down, and how many events are in it. A snapshot that cannot be used is
/// none.
pub(super) async fn load<A: Aggregate>(
    store: &Store,
    stream: &StreamId,
) -> Result<(A, u64), StoreError> {
    let Some(snapshots) = A::SNAPSHOTS else {
        return Ok((A::initial(), 0));
    };
    let document = store.document(&collection::<A>(), stream.key()).await?;
    let usable = document.and_then(|document| match restored(&snapshots, document) {
        Ok(usable) => usable,
        Err(error) => {
            tracing::warn!(stream = %Escaped(&stream), error = %Escaped(&error), "a snapshot cannot be read: all events are");
            None
        }
    });
    Ok(usable.unwrap_or_else(|| (A::initial(), 0)))
}

fn restored<A: Aggregate>(
    snapshots: &Keeping<A>,
    document: Vec<u8>,
) -> crate::error::Result<Option<(A, u64)>> {
    let snapshot: Snapshot = serde_json::from_slice(&document)?;
    if snapshot.shape != A::SETTINGS.snapshot_version {
        return Ok(None);
    }
    let state = (snapshots.restore)(&snapshot.state)?;
    Ok(Some((state, snapshot.version)))
}

/// Writes a state down, in a task of its own: if it does not come to that, more events are read the next
/// time. A state that was read before an event was redacted, after so many `erasures`, is not written after
/// that.
pub(super) fn save<A: Aggregate>(
    store: &Store,
    stream: &StreamId,
    state: &A,
    version: u64,
    erasures: u64,
) {
    // The events are stored by now: a panic of the state's `Serialize` must not fail their command.
    let written = catch_unwind(AssertUnwindSafe(|| written(stream, state, version)));
    let change = match written {
        Ok(Ok(Some(change))) => change,
        Ok(Ok(None)) => return,
        Ok(Err(error)) => {
            tracing::warn!(stream = %Escaped(&stream), error = %Escaped(&error), "no snapshot: the state cannot be written down");
            return;
        }
        Err(panic) => {
            tracing::error!(stream = %Escaped(&stream), panic = panic_text(&*panic), "no snapshot: writing the state down panicked");
            return;
        }
    };
    let (store, stream) = (store.clone(), stream.clone());
    tokio::spawn(async move {
        let _past = store.past.read().await;
        if store.erasures() != erasures {
            return;
        }
        // In whatever process: what is archived stays removed.
        let conditions = vec![archived::unmarked(&stream)];
        if let Err(error) = store.change_documents(vec![change], conditions).await {
            tracing::warn!(stream = %Escaped(&stream), error = %Escaped(&error), "no snapshot");
        }
    });
}

fn written<A: Aggregate>(
    stream: &StreamId,
    state: &A,
    version: u64,
) -> crate::error::Result<Option<DocumentChange>> {
    let Some(snapshots) = A::SNAPSHOTS else {
        return Ok(None);
    };
    let snapshot = Snapshot {
        version,
        shape: A::SETTINGS.snapshot_version,
        state: (snapshots.save)(state)?,
    };
    let content = serde_json::to_vec(&snapshot)?;
    Ok(Some(DocumentChange {
        collection: collection::<A>().into(),
        key: stream.key().into(),
        content: Some(content),
    }))
}

fn collection<A: Aggregate>() -> String {
    snapshots_of(A::NAME)
}

/// Where the snapshots of the aggregates of that name are.
pub(super) fn snapshots_of(category: &str) -> String {
    format!("snapshot/{category}")
}
