//! Whether the sagas are over whose commands and answers are in a stream, which is asked before their content
//! goes.

use crate::eventstore::backend::{DocumentCondition, EventId, Position, StoreError, StreamId};
use crate::eventstore::checkpoint;
use crate::eventstore::parked::parked_of;
use crate::eventstore::saga::answer::{answer_to, answers_of};
use crate::eventstore::saga::instances::instances_of;
use crate::eventstore::store::Store;

/// The conditions under which no saga that began in the stream is under way, or waits to begin.
pub(in crate::eventstore) fn none_under_way(stream: &StreamId) -> Vec<DocumentCondition> {
    let (name, key) = (stream.category(), stream.key());
    let collections = [instances_of(name), parked_of(name)];
    let conditions = collections.into_iter().map(|collection| DocumentCondition {
        collection: collection.into(),
        key: key.into(),
        content: None,
    });
    conditions.collect()
}

/// Why a saga that began in the stream is not over, if it is not: the events up to `last` are to be handled,
/// and the commands among them answered. Whatever keeps another kind of stream is over.
pub(in crate::eventstore) async fn is_not_over(
    store: &Store,
    stream: &StreamId,
    last: Position,
    ids: impl Iterator<Item = EventId> + Clone,
) -> Result<Option<String>, StoreError> {
    let name = stream.category();
    if checkpoint::is_saved(store, name).await? {
        let reached = checkpoint::load(store, name, Position::START).await?;
        if reached < last {
            return Ok(Some(format!(
                "`{name}` has handled events up to position {reached}, and the stream ends at {last}: wait until it has handled them"
            )));
        }
    }
    for condition in none_under_way(stream) {
        let (collection, key) = (&*condition.collection, &*condition.key);
        if store.document(collection, key).await?.is_some() {
            return Ok(Some(under_way(stream)));
        }
    }
    for (document, _) in store.documents(&answers_of(name)).await? {
        let is_of = |id: &EventId| *document == *format!("{:032x}", id.as_u128());
        let command = ids.clone().find(is_of);
        if command.is_some_and(|command| !ids.clone().any(|id| id == answer_to(command))) {
            return Ok(Some(under_way(stream)));
        }
    }
    Ok(None)
}

pub(in crate::eventstore) fn under_way(stream: &StreamId) -> String {
    let (name, key) = (stream.category(), stream.key());
    format!("the saga `{name}` with the key `{key}` is under way: wait until it is over, or end it")
}
