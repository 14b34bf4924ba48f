//! [`Repository`]: loads aggregates, lets them decide and answer, and appends their events.

use std::sync::Arc;

use tokio::sync::RwLockReadGuard;

use crate::context::Context;
use crate::escaped::Escaped;
use crate::eventstore::aggregate::cache::{Cache, CacheEntry, Loaded};
use crate::eventstore::aggregate::deciding::handle_in_time;
use crate::eventstore::aggregate::evolving::{Evolved, evolve};
use crate::eventstore::aggregate::identity::{CommandIdentity, fence, metadata};
use crate::eventstore::aggregate::unexecuted::Unexecuted;
use crate::eventstore::aggregate::{Aggregate, AggregateHandler, Aggregates, Events};
use crate::eventstore::backend::{
    Append, Direction, EventId, Expected, NewEvent, PAGE, StoreError, StreamId,
};
use crate::eventstore::handling::within_unit;
use crate::eventstore::snapshot;
use crate::eventstore::store::Store;
use crate::eventstore::stored::Encoded;
use crate::message::{Command, Message, Query};

/// How many times an aggregate decides upon a command while other writers keep changing its stream.
const ATTEMPTS: usize = 16;

/// The aggregates of one type.
pub(super) struct Repository<A: Aggregate> {
    pub(super) store: Store,
    pub(super) cache: Cache<A>,
    resources: A::Resources,
}

/// What a command or a query has come to.
type MessageResult<M> = Result<<M as Message>::Reply, <M as Message>::Error>;

impl<A: Aggregate> Repository<A> {
    pub(super) fn new(store: Store, resources: A::Resources) -> Self {
        Repository {
            store,
            cache: Cache::new(A::SETTINGS.cache),
            resources,
        }
    }

    /// Decides upon a command, and stores and publishes what happens. Others to the same aggregate wait
    /// meanwhile.
    pub(super) async fn execute<C>(
        &self,
        command: C,
        ctx: &Context<Aggregates<A>>,
    ) -> Result<MessageResult<C>, Unexecuted>
    where
        A: AggregateHandler<
                C,
                Itself = C,
                Reply = C::Reply,
                Error = C::Error,
                Outcome = Events<A>,
                OfState = <C as Message>::Reply,
            >,
        C: Command,
    {
        let identity = CommandIdentity::of(&command, ctx)?;
        let key: Arc<str> = A::key(&command).into();
        let stream = StreamId::new(A::NAME, &key);
        let entry = self.cache.enter(key);
        let mut turn = within_unit(entry.turn(), None, ctx).await?;
        let mut command = Some(command);
        let mut conflict = None;
        for _ in 0..ATTEMPTS {
            let Some(attempted) = command.take() else {
                break; // It cannot be copied.
            };
            let was_in_memory = turn.is_some();
            let loaded = match &mut *turn {
                Some(loaded) => loaded,
                empty => empty.insert(self.load(&stream).await?),
            };
            if let Some(identity) = &identity
                && let Some(version) = self.decided_before(&stream, identity).await?
            {
                if version > loaded.version {
                    *loaded = self.load(&stream).await?;
                }
                return Ok(Ok(loaded.state.of_state()));
            }
            command = attempted.copied();
            let decided = handle_in_time(&loaded.state, attempted, &self.resources, ctx).await?;
            let events = match decided {
                Ok(events) if !events.is_empty() => events,
                // An append would show that another writer has written; without one, it is asked.
                nothing => {
                    let may_be_behind = was_in_memory && command.is_some();
                    if may_be_behind && self.is_behind(&stream, loaded.version).await? {
                        *turn = None;
                        continue;
                    }
                    return Ok(nothing.map(|_| loaded.state.of_state()));
                }
            };
            let (new, events) = self.written(&stream, &events, identity.as_ref())?;
            // The state leaves the cache until the append is acknowledged. A panic, an error or a caller that
            // stops waiting drops it, and the next command reads it again.
            let Some(mut loaded) = turn.take() else { break };
            // All of the user's code runs before the append, so that what panics is not stored.
            for event in &events.0 {
                loaded.state.apply(event);
            }
            let reply = loaded.state.of_state();
            let append = Append {
                stream: stream.clone(),
                expected: Expected::Version(loaded.version),
                events: new,
                metadata: metadata(ctx, identity.as_ref()),
                conditions: fence(ctx),
            };
            match self.store.append(append).await {
                Ok(appended) if appended.is_repeated => (command, conflict) = (None, None),
                Ok(appended) => {
                    loaded.version = appended.version;
                    self.snapshot(&mut loaded, &stream);
                    *turn = Some(loaded);
                    publish(events, ctx).await;
                    return Ok(Ok(reply));
                }
                // Another process has stored what the command led to there, which may be other events.
                Err(error @ StoreError::Duplicate { .. }) if identity.is_some() => {
                    (command, conflict) = (None, Some(error));
                }
                Err(error @ StoreError::Conflict { .. }) => conflict = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        let was_decided = match &identity {
            Some(identity) => self.decided_before(&stream, identity).await?.is_some(),
            None => false,
        };
        match conflict {
            Some(conflict) if !was_decided => Err(conflict.into()),
            // Another writer has just stored what this command led to.
            _ => Ok(Ok(turn.insert(self.load(&stream).await?).state.of_state())),
        }
    }

    /// Answers a query by what is in the store: every command that was acknowledged before, by whatever
    /// process. Commands to the same aggregate wait meanwhile, other queries do not.
    pub(super) async fn answer<Q>(
        &self,
        query: Q,
        ctx: &Context<Aggregates<A>>,
    ) -> Result<MessageResult<Q>, Unexecuted>
    where
        A: AggregateHandler<
                Q,
                Itself = Q,
                Reply = Q::Reply,
                Error = Q::Error,
                Outcome = <Q as Message>::Reply,
            >,
        Q: Query,
    {
        let key: Arc<str> = A::key(&query).into();
        let stream = StreamId::new(A::NAME, &key);
        let entry = self.cache.enter(key);
        let loaded = within_unit(self.current(&entry, &stream), None, ctx).await??;
        Ok(handle_in_time(&loaded.state, query, &self.resources, ctx).await?)
    }

    /// The aggregate as the store has it, which does not change until the guard is dropped.
    async fn current<'a>(
        &self,
        entry: &'a CacheEntry<'_, A>,
        stream: &StreamId,
    ) -> Result<RwLockReadGuard<'a, Loaded<A>>, StoreError> {
        if let Some(loaded) = self.current_in_memory(entry, stream).await? {
            return Ok(loaded);
        }
        // Two that write would wait for each other's answers: the second one finds what the first has read.
        let _loading = entry.loading().await;
        if let Some(loaded) = self.current_in_memory(entry, stream).await? {
            return Ok(loaded);
        }
        let mut turn = entry.turn().await;
        // It leaves the cache until it is read: an error or a panic drops it.
        let read_on = match turn.take() {
            Some(loaded) => self.read_on(stream, loaded).await?,
            None => None,
        };
        *turn = match read_on {
            Some(loaded) => Some(loaded),
            None => Some(self.load(stream).await?),
        };
        let loaded = RwLockReadGuard::map(turn.downgrade(), |it| {
            it.as_ref().expect("it was put there")
        });
        Ok(loaded)
    }

    /// The aggregate, if it is in memory and nothing newer is in the store.
    async fn current_in_memory<'a>(
        &self,
        entry: &'a CacheEntry<'_, A>,
        stream: &StreamId,
    ) -> Result<Option<RwLockReadGuard<'a, Loaded<A>>>, StoreError> {
        let view = RwLockReadGuard::try_map(entry.view().await, Option::as_ref);
        let Ok(loaded) = view else {
            return Ok(None);
        };
        let is_behind = self.is_behind(stream, loaded.version).await?;
        Ok((!is_behind).then_some(loaded))
    }

    /// The version of the first event that the command has led to, if it was decided upon before.
    ///
    /// # Errors
    /// Those of [`CommandIdentity::check`].
    async fn decided_before(
        &self,
        stream: &StreamId,
        identity: &CommandIdentity,
    ) -> Result<Option<u64>, StoreError> {
        let Some(found) = self.store.find(identity.event(stream, 0)).await? else {
            return Ok(None);
        };
        identity.check(stream, &found)?;
        Ok(Some(found.stream_version))
    }

    /// Whether there are events in the stream behind that version.
    async fn is_behind(&self, stream: &StreamId, version: u64) -> Result<bool, StoreError> {
        let newer = self
            .store
            .read_stream(stream, version + 1, Direction::Forwards, 1);
        Ok(!newer.await?.is_empty())
    }

    /// The events of a decision as they are stored, and as they are read from then on.
    ///
    /// # Errors
    /// [`StoreError::Codec`] if one of them could not be read again.
    fn written(
        &self,
        stream: &StreamId,
        events: &Events<A>,
        identity: Option<&CommandIdentity>,
    ) -> Result<(Vec<NewEvent>, Events<A>), StoreError> {
        let (mut new, mut read) = (Vec::with_capacity(events.len()), Events::none());
        let encoding = self.store.settings().encoding;
        for (index, event) in events.0.iter().enumerate() {
            let (encoded, event) =
                A::encode(event, encoding).map_err(|error| StoreError::Codec {
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
    fn snapshot(&self, loaded: &mut Loaded<A>, stream: &StreamId) {
        let every = A::SETTINGS.snapshot_every;
        if every > 0 && !loaded.skipped && loaded.version - loaded.saved >= every {
            loaded.saved = loaded.version;
            snapshot::save(&self.store, stream, &loaded.state, loaded.version);
        }
    }

    /// The aggregate, made of its last snapshot and what happened since.
    pub(super) async fn load(&self, stream: &StreamId) -> Result<Loaded<A>, StoreError> {
        let (state, version) = snapshot::load::<A>(&self.store, stream).await?;
        let kept = Loaded::new(state, version);
        if let Some(loaded) = self.read_on(stream, kept).await? {
            return Ok(loaded);
        }
        tracing::warn!(stream = %Escaped(&stream), version, "a snapshot is ahead of its stream and not used: events are missing from the store");
        let initial = Loaded::new(A::initial(), 0);
        let loaded = self.read_on(stream, initial).await?;
        Ok(loaded.expect("nothing is ahead of no event"))
    }

    /// Evolves a state by the events of its stream that it does not have. Gives `None` if it has some that
    /// the stream has not: they were lost since, or it came from a backup. So the last event that it has is
    /// read again.
    async fn read_on(
        &self,
        stream: &StreamId,
        mut loaded: Loaded<A>,
    ) -> Result<Option<Loaded<A>>, StoreError> {
        let mut known = loaded.version.min(1);
        loop {
            let next = loaded.version + 1 - known;
            let page = self.store.read_stream_page(stream, next, PAGE).await?;
            let first = page.events.first().map(|it| it.stream_version);
            if known > 0 && first != Some(loaded.version) {
                return Ok(None);
            }
            let known = std::mem::take(&mut known) as usize;
            for recorded in page.events.into_iter().skip(known) {
                let skips = self.store.settings().skips_unknown;
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
}

async fn publish<A: Aggregate>(events: Events<A>, ctx: &Context<Aggregates<A>>) {
    for event in events.0 {
        A::publish(event, ctx).await;
    }
}
