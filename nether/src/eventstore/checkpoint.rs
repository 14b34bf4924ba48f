//! Checkpoints: where those who follow a store are, and what they have done beyond that.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use crate::eventstore::backend::{DocumentChange, DocumentCondition, Position, StoreError};
use crate::eventstore::definition::DEFINITIONS;
use crate::eventstore::store::Store;

/// Where the name of a checkpoint is.
pub(super) const CHECKPOINTS: &str = "checkpoint";

/// The events that were handled beyond the checkpoint of that name.
pub(super) const AHEAD: &str = "checkpoint_ahead";

/// The position that is written down as the last one handled; `began_behind` if there is none.
///
/// # Errors
/// [`StoreError::Corrupt`] if one of the two is ahead of the newest event: events are missing from the store,
/// and those that take their positions would never be handled.
pub(super) async fn load(
    store: &Store,
    name: &str,
    began_behind: Position,
) -> Result<Position, StoreError> {
    let saved = loaded::<Position>(store, CHECKPOINTS, name).await?;
    let position = saved.unwrap_or(began_behind);
    if position.max(began_behind) == Position::START {
        return Ok(position);
    }
    let head = store.head().await?;
    let noted = match (position > head, began_behind > head) {
        (false, false) => return Ok(position),
        (_, false) => format!("the checkpoint of `{name}` is at position {position}"),
        (_, true) => format!("`{name}` began behind position {began_behind}"),
    };
    let remove = format!("remove the checkpoint (the document `{name}` of `{CHECKPOINTS}`)");
    // The checkpoint of a generation of tables has the name of its projection, and a number.
    let defined = name.split_once('/').map_or(name, |(name, _)| name);
    let began = format!("`began_behind` in the document `{defined}` of `{DEFINITIONS}`");
    let way_out = match began_behind > head {
        true => format!("set {began} to a position that the store has, and {remove}"),
        false => remove,
    };
    Err(StoreError::Corrupt {
        reason: format!(
            "{noted}, and the newest event is at {head}: events are missing, so restore a backup that has them; or {way_out}, after which `{name}` handles events again from where it began, which {began} says"
        ),
        readable_up_to: Some(head),
    })
}

/// Whether a position is written down as the last one handled.
pub(super) async fn is_saved(store: &Store, name: &str) -> Result<bool, StoreError> {
    let content = store.document(CHECKPOINTS, name).await?;
    Ok(content.is_some())
}

/// The condition that no position is written down.
pub(super) fn none_saved(name: &str) -> DocumentCondition {
    DocumentCondition {
        collection: CHECKPOINTS.into(),
        key: name.into(),
        content: None,
    }
}

/// Whether an error is that of the condition that no position is written down.
pub(super) fn is_saved_says(error: &StoreError) -> bool {
    matches!(error, StoreError::PreconditionFailed { collection, .. } if **collection == *CHECKPOINTS)
}

/// Checks that a position noted beside the checkpoint is that of an event.
///
/// # Errors
/// [`StoreError::Corrupt`] if it is ahead of the newest event: another event would take the position, and
/// would be taken for the one that was there.
pub(super) async fn check(
    store: &Store,
    name: &str,
    position: Position,
    collection: &str,
) -> Result<(), StoreError> {
    if position == Position::START {
        return Ok(());
    }
    let head = store.head().await?;
    if position <= head {
        return Ok(());
    }
    Err(StoreError::Corrupt {
        reason: format!(
            "`{name}` has noted the event at position {position}, and the newest event is at {head}: events are missing, so restore a backup that has them; or remove what is ahead of the newest event from the documents of `{collection}`"
        ),
        readable_up_to: Some(head),
    })
}

/// The events behind that one that are handled all the same.
///
/// # Errors
/// [`StoreError::Corrupt`] if one of them is ahead of the newest event.
pub(super) async fn load_ahead(
    store: &Store,
    name: &str,
) -> Result<BTreeSet<Position>, StoreError> {
    let ahead: BTreeSet<Position> = loaded(store, AHEAD, name).await?.unwrap_or_default();
    let last = ahead.last().copied().unwrap_or_default();
    check(store, name, last, AHEAD).await?;
    Ok(ahead)
}

async fn loaded<T: DeserializeOwned>(
    store: &Store,
    collection: &str,
    name: &str,
) -> Result<Option<T>, StoreError> {
    let Some(content) = store.document(collection, name).await? else {
        return Ok(None);
    };
    let read = serde_json::from_slice(&content);
    read.map(Some).map_err(|error| StoreError::Codec {
        what: format!("the checkpoint of `{name}` cannot be read"),
        reason: error.to_string(),
    })
}

/// The change that saves `position` as the last one handled.
pub(super) fn checkpoint_at(name: &str, position: Position) -> DocumentChange {
    DocumentChange {
        collection: CHECKPOINTS.into(),
        key: name.into(),
        content: Some(position.to_string().into_bytes()),
    }
}

/// The change that removes a checkpoint.
pub(super) fn no_checkpoint(name: &str) -> DocumentChange {
    DocumentChange {
        collection: CHECKPOINTS.into(),
        key: name.into(),
        content: None,
    }
}

/// Returns the change that notes these events beyond the checkpoint as handled.
pub(super) fn ahead_of(name: &str, ahead: &BTreeSet<Position>) -> DocumentChange {
    let content = (!ahead.is_empty()).then(|| serde_json::to_vec(ahead).unwrap_or_default());
    DocumentChange {
        collection: AHEAD.into(),
        key: name.into(),
        content,
    }
}
