//! [`Repository`]: loads aggregates, lets them decide and answer, and appends their events.

use std::sync::Arc;

use tokio::sync::RwLockReadGuard;

use crate::context::Context;
use crate::eventstore::aggregate::cache::{Cache, CacheEntry, Loaded};
use crate::eventstore::aggregate::deciding::handled;
use crate::eventstore::aggregate::identity::{CommandIdentity, fence, metadata};
use crate::eventstore::aggregate::stream::{
    cache_of, is_behind, load, read_on, save_snapshot, written,
};
use crate::eventstore::aggregate::unexecuted::Unexecuted;
use crate::eventstore::aggregate::{Aggregate, AggregateHandler, Aggregates, Events};
use crate::eventstore::backend::{Append, Expected, StoreError, StreamId};
use crate::eventstore::handling::within_unit;
use crate::eventstore::store::Store;
use crate::message::{Command, Message, Query};

/// How many times a command is decided upon while other writers keep changing the streams that it is about.
pub(in crate::eventstore) const ATTEMPTS: usize = 16;

/// The aggregates of one type.
pub(super) struct Repository<A: Aggregate> {
    pub(super) store: Store,
    pub(super) cache: Arc<Cache<A>>,
    resources: A::Resources,
}

/// What a command or a query has come to.
type MessageResult<M> = Result<<M as Message>::Reply, <M as Message>::Error>;

impl<A: Aggregate> Repository<A> {
    pub(super) fn new(store: Store, resources: A::Resources) -> Self {
        Repository {
            cache: cache_of(&store),
            store,
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
            turn.take_if(|loaded| loaded.is_stale(&self.store));
            let was_in_memory = turn.is_some();
            let loaded = match &mut *turn {
                Some(loaded) => loaded,
                empty => empty.insert(load(&self.store, &stream).await?),
            };
            if let Some(identity) = &identity
                && let Some(version) = identity.decided_before(&self.store, &stream).await?
            {
                if version > loaded.version {
                    *loaded = load(&self.store, &stream).await?;
                }
                return Ok(Ok(loaded.state.of_state()));
            }
            command = attempted.copied();
            let decided = handled(&loaded.state, attempted, &self.resources, ctx).await?;
            let events = match decided {
                Ok(events) if !events.is_empty() => events,
                // An append would show that another writer has written; without one, it is asked.
                nothing => {
                    if was_in_memory
                        && is_behind(&self.store, &stream, loaded.version).await?
                        && command.is_some()
                    {
                        *turn = None;
                        continue;
                    }
                    return Ok(nothing.map(|_| loaded.state.of_state()));
                }
            };
            let (new, events) = written(&self.store, &stream, &events, identity.as_ref())?;
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
                    save_snapshot(&self.store, &mut loaded, &stream);
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
            Some(identity) => identity
                .decided_before(&self.store, &stream)
                .await?
                .is_some(),
            None => false,
        };
        match conflict {
            Some(conflict) if !was_decided => Err(conflict.into()),
            // Another writer has just stored what this command led to.
            _ => Ok(Ok(turn
                .insert(load(&self.store, &stream).await?)
                .state
                .of_state())),
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
        Ok(handled(&loaded.state, query, &self.resources, ctx).await?)
    }

    /// The aggregate as the store has it, which does not change until the guard is dropped.
    async fn current<'a>(
        &self,
        entry: &'a CacheEntry<A>,
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
        turn.take_if(|loaded| loaded.is_stale(&self.store));
        // It leaves the cache until it is read: an error or a panic drops it.
        let read_on = match turn.take() {
            Some(loaded) => read_on(&self.store, stream, loaded).await?,
            None => None,
        };
        *turn = match read_on {
            Some(loaded) => Some(loaded),
            None => Some(load(&self.store, stream).await?),
        };
        let loaded = RwLockReadGuard::map(turn.downgrade(), |it| {
            it.as_ref().expect("it was put there")
        });
        Ok(loaded)
    }

    /// The aggregate, if it is in memory and nothing newer is in the store.
    async fn current_in_memory<'a>(
        &self,
        entry: &'a CacheEntry<A>,
        stream: &StreamId,
    ) -> Result<Option<RwLockReadGuard<'a, Loaded<A>>>, StoreError> {
        let view = RwLockReadGuard::try_map(entry.view().await, Option::as_ref);
        let Ok(loaded) = view else {
            return Ok(None);
        };
        if loaded.is_stale(&self.store) {
            return Ok(None);
        }
        let is_behind = is_behind(&self.store, stream, loaded.version).await?;
        Ok((!is_behind).then_some(loaded))
    }
}

async fn publish<A: Aggregate>(events: Events<A>, ctx: &Context<Aggregates<A>>) {
    for event in events.0 {
        A::publish(event, ctx).await;
    }
}
