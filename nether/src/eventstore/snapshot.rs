//! Snapshots: an aggregate's state, written down, so that not all of its events need be read again.

use serde::{Deserialize, Serialize};

use crate::eventstore::aggregate::Aggregate;
use crate::eventstore::handle::Store;
use crate::eventstore::store::{DocumentChange, Encoding, Payload, StoreError, StreamId};

/// A snapshot in the store.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    /// How many events are in it.
    version: u64,
    /// The `snapshot_version` of the aggregate that made it.
    shape: u32,
    state: serde_json::Value,
}

/// The newest state that is written down, and how many events are in it. A snapshot that cannot be used is none.
pub(super) async fn load<A: Aggregate>(
    store: &Store,
    stream: &StreamId,
) -> Result<(A, u64), StoreError> {
    if A::SETTINGS.snapshot_every == 0 {
        return Ok((A::default(), 0));
    }
    let document = store.document(&collection::<A>(), stream.key()).await?;
    let usable = document.and_then(|document| match restored::<A>(document) {
        Ok(usable) => usable,
        Err(error) => {
            tracing::warn!(%stream, error, "a snapshot cannot be read: all events are");
            None
        }
    });
    Ok(usable.unwrap_or_default())
}

fn restored<A: Aggregate>(document: Vec<u8>) -> Result<Option<(A, u64)>, String> {
    let snapshot: Snapshot =
        serde_json::from_slice(&document).map_err(|error| error.to_string())?;
    if snapshot.shape != A::SETTINGS.snapshot_version {
        return Ok(None);
    }
    let state = Payload {
        encoding: Encoding::Json,
        bytes: snapshot.state.to_string().into_bytes(),
    };
    let state = A::restore(&state).transpose();
    let state = state.map_err(|error| error.to_string())?;
    Ok(state.map(|state| (state, snapshot.version)))
}

/// Writes a state down, in a task of its own: if it does not come to that, more events are read the next time.
pub(super) fn save<A: Aggregate>(store: &Store, stream: &StreamId, state: &A, version: u64) {
    let change = match written(stream, state, version) {
        Ok(Some(change)) => change,
        Ok(None) => return,
        Err(error) => {
            tracing::warn!(%stream, error, "no snapshot: the state cannot be written down");
            return;
        }
    };
    let (store, stream) = (store.clone(), stream.clone());
    tokio::spawn(async move {
        if let Err(error) = store.change_documents(vec![change]).await {
            tracing::warn!(%stream, %error, "no snapshot");
        }
    });
}

fn written<A: Aggregate>(
    stream: &StreamId,
    state: &A,
    version: u64,
) -> Result<Option<DocumentChange>, String> {
    let Some(state) = state.save() else {
        return Ok(None);
    };
    let state = state.map_err(|error| error.to_string())?;
    let snapshot = Snapshot {
        version,
        shape: A::SETTINGS.snapshot_version,
        state: serde_json::from_slice(&state.bytes).map_err(|error| error.to_string())?,
    };
    let content = serde_json::to_vec(&snapshot).map_err(|error| error.to_string())?;
    Ok(Some(DocumentChange {
        collection: collection::<A>().into(),
        key: stream.key().into(),
        content: Some(content),
    }))
}

fn collection<A: Aggregate>() -> String {
    format!("snapshot/{}", A::NAME)
}
