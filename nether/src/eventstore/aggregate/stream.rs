//! What aggregates have in their streams: it is read into a state, and written down from events.

use std::sync::Arc;

use crate::escaped::Escaped;
use crate::eventstore::aggregate::cache::{Cache, Loaded};
use crate::eventstore::aggregate::evolving::{Evolved, evolve};
use crate::eventstore::aggregate::identity::CommandIdentity;
use crate::eventstore::aggregate::{Aggregate, Events};
use crate::eventstore::archived;
use crate::eventstore::backend::{Direction, EventId, NewEvent, PAGE, StoreError, StreamId};
use crate::eventstore::snapshot;
use crate::eventstore::store::Store;
use crate::eventstore::stored::Encoded;

/// The aggregates of the type that are in memory, which everything that uses the store in this process has in
/// common.
pub(in crate::eventstore) fn cache_of<A: Aggregate>(store: &Store) -> Arc<Cache<A>> {
    store.shared(|| Cache::new(A::SETTINGS.cache))
}

/// Whether there are events in the stream behind that version.
///
/// # Errors
/// [`StoreError::Archived`] if it was archived since; or why it could not be read.
pub(super) async fn is_behind(
    store: &Store,
    stream: &StreamId,
    version: u64,
) -> Result<bool, StoreError> {
    let newer = store.read_stream(stream, version + 1, Direction::Forwards, 1);
    let newer = newer.await?;
    archived::check(store, &newer).await?;
    Ok(!newer.is_empty())
}

/// The events of a decision as they are stored, and as they are read from then on.
///
/// # Errors
/// [`StoreError::Codec`] if one of them could not be read again.
pub(in crate::eventstore) fn written<A: Aggregate>(
    store: &Store,
    stream: &StreamId,
    events: &Events<A>,
    identity: Option<&CommandIdentity>,
) -> Result<(Vec<NewEvent>, Events<A>), StoreError> {
    let (mut new, mut read) = (Vec::with_capacity(events.len()), Events::none());
    let encoding = store.settings().encoding;
    for (index, event) in events.0.iter().enumerate() {
        let (encoded, event) = A::encode(event, encoding).map_err(|error| StoreError::Codec {
            what: format!("an event of `{stream}` cannot be stored"),
            reason: error.to_string(),
        })?;
        let Encoded { schema, payload } = encoded;
        new.push(NewEvent {
            id: identity.map_or_else(EventId::new, |it| it.event(stream, index)),
            name: schema.name.into(),
            schema_version: schema.version,
            payload,
        });
        read.0.push(event);
    }
    Ok((new, read))
}

/// Takes a snapshot of a state whose events are stored, if it is time.
pub(in crate::eventstore) fn save_snapshot<A: Aggregate>(
    store: &Store,
    loaded: &mut Loaded<A>,
    stream: &StreamId,
) {
    let every = A::SETTINGS.snapshot_every;
    if every > 0 && !loaded.skipped && loaded.version - loaded.saved >= every {
        loaded.saved = loaded.version;
        let (version, erasures) = (loaded.version, loaded.erasures);
        snapshot::save(store, stream, &loaded.state, version, erasures);
    }
}

/// The aggregate, made of its last snapshot and what happened since.
pub(in crate::eventstore) async fn load<A: Aggregate>(
    store: &Store,
    stream: &StreamId,
) -> Result<Loaded<A>, StoreError> {
    // Before it is read: what is forgotten meanwhile may still be in it.
    let erasures = store.erasures();
    let (state, version) = snapshot::load::<A>(store, stream).await?;
    let kept = Loaded::new(state, version, erasures);
    if let Some(loaded) = read_on(store, stream, kept).await? {
        return Ok(loaded);
    }
    tracing::warn!(stream = %Escaped(&stream), version, "a snapshot is ahead of its stream and not used: events are missing from the store");
    let initial = Loaded::new(A::initial(), 0, erasures);
    let loaded = read_on(store, stream, initial).await?;
    Ok(loaded.expect("nothing is ahead of no event"))
}

/// Evolves a state by the events of its stream that it does not have. Gives `None` if it has some that the
/// stream has not: they were lost since, or it came from a backup. So the last event that it has is read
/// again.
///
/// # Errors
/// [`StoreError::Archived`] if the stream is archived; or why it could not be read.
pub(super) async fn read_on<A: Aggregate>(
    store: &Store,
    stream: &StreamId,
    mut loaded: Loaded<A>,
) -> Result<Option<Loaded<A>>, StoreError> {
    let mut known = loaded.version.min(1);
    loop {
        let next = loaded.version + 1 - known;
        let page = store.read_stream_page(stream, next, PAGE).await?;
        archived::check(store, &page.events).await?;
        let first = page.events.first().map(|it| it.stream_version);
        if known > 0 && first != Some(loaded.version) {
            return Ok(None);
        }
        let known = std::mem::take(&mut known) as usize;
        for recorded in page.events.into_iter().skip(known) {
            let skips = store.settings().skips_unknown;
            if evolve(&mut loaded.state, &recorded, skips)? == Evolved::Partly {
                loaded.skipped = true;
            }
            loaded.version = recorded.stream_version;
        }
        if page.is_last {
            return Ok(Some(loaded));
        }
    }
}
