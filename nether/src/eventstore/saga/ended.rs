//! Whether the sagas are over whose commands and answers are in a stream, which is asked before their content
//! goes.

use crate::eventstore::backend::{DocumentCondition, Position, StoreError, StreamId};
use crate::eventstore::checkpoint;
use crate::eventstore::parked::parked_of;
use crate::eventstore::saga::answer::{ANSWERED, answer_to, answers_of};
use crate::eventstore::saga::instances::instances_of;
use crate::eventstore::store::Store;
use crate::eventstore::stream_copy::CopiedEvent;

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

/// Why a saga that began in the stream is not over, if it is not: the commands among its events are to be
/// handled and answered. The streams of aggregates have no commands, and are over for this.
///
/// # Errors
/// Why the store could not be asked.
pub(in crate::eventstore) async fn is_not_over(
    store: &Store,
    stream: &StreamId,
    events: &[CopiedEvent],
) -> Result<Option<String>, StoreError> {
    let name = stream.category();
    let last = events.iter().rfind(|it| *it.name != *ANSWERED);
    let last = last.map_or(Position::START, |it| it.position);
    if checkpoint::is_saved(store, name).await? {
        let reached = checkpoint::load(store, name, Position::START).await?;
        if reached < last {
            return Ok(Some(format!(
                "`{name}` has handled events up to position {reached}, and has to handle the one at {last}: wait until it has"
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
        let is_of = |it: &&CopiedEvent| *document == *format!("{:032x}", it.id.as_u128());
        let command = events.iter().find(is_of);
        let answer = command.map(|it| answer_to(it.id));
        if answer.is_some_and(|answer| events.iter().all(|it| it.id != answer)) {
            return Ok(Some(under_way(stream)));
        }
    }
    Ok(None)
}

pub(in crate::eventstore) fn under_way(stream: &StreamId) -> String {
    let (name, key) = (stream.category(), stream.key());
    format!("the saga `{name}` with the key `{key}` is under way: wait until it is over, or end it")
}
