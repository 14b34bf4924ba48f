//! [`Participation`]: the part of one aggregate in a decision. [`AnyParticipation`] is one whatever its
//! aggregate is.

use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;

use crate::eventstore::aggregate::{
    Aggregate, Cache, CacheEntry, CommandIdentity, Events, Loaded, OwnedTurn, load, save_snapshot,
    written,
};
use crate::eventstore::backend::{Append, Expected, Metadata, StoreError, StreamId};
use crate::eventstore::store::Store;

type ParticipationFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An aggregate as a decision has it. Two participations of one stream have one state: the first one holds
/// it, and the second one shows it.
pub(super) struct Participation<A: Aggregate> {
    stream: StreamId,
    /// Dropped before `entry`: the entry puts the state back into the cache, and needs its lock free.
    turn: Option<OwnedTurn<A>>,
    /// The state once it has evolved, which is not in memory for others until its events are stored.
    evolved: Option<Loaded<A>>,
    /// The index of an earlier participation with this stream.
    shown: Option<usize>,
    /// What happens to it.
    pub(super) events: Events<A>,
    entry: CacheEntry<A>,
}

/// A participation, whatever its aggregate is.
pub(super) trait AnyParticipation: Send + Sync {
    fn stream(&self) -> &StreamId;

    fn as_any(&self) -> &dyn Any;

    /// Shows the state of the participation at that index, which has the same stream.
    fn show(&mut self, index: usize);

    /// The index of the participation whose state this one shows.
    fn shown(&self) -> Option<usize>;

    /// Waits for the turn of the command.
    fn take_turn(&mut self) -> ParticipationFuture<'_, ()>;

    /// Whether the state is there, and knows no subject that is forgotten.
    fn is_loaded(&self, store: &Store) -> bool;

    /// The number of events that the state is made of.
    fn version(&self) -> u64;

    /// Reads the state from the store.
    fn load<'a>(&'a mut self, store: &'a Store) -> ParticipationFuture<'a, Result<(), StoreError>>;

    /// Forgets the state, which is not, or may not be, that of the store, and the events that it led to.
    fn forget(&mut self);

    /// The events, for another participation of the same stream.
    fn take_events(&mut self) -> Box<dyn Any>;

    /// Adds the events of another participation of the same stream.
    fn add_events(&mut self, events: Box<dyn Any>);

    /// The append of the events, which are from now on as they are read.
    ///
    /// # Errors
    /// [`StoreError::Codec`] if one of them could not be read again.
    fn append(
        &mut self,
        store: &Store,
        identity: Option<&CommandIdentity>,
        metadata: Metadata,
    ) -> Result<Append, StoreError>;

    /// Evolves the state by the events, if there are any. It leaves memory until they are stored.
    fn evolve(&mut self);

    /// Puts the evolved state back into memory, in the version that its stream has now.
    fn keep(&mut self, store: &Store, version: u64);
}

impl<A: Aggregate> Participation<A> {
    /// A participation for the aggregate with that key.
    pub(super) fn enter(cache: &Arc<Cache<A>>, key: String) -> Self {
        Participation {
            stream: StreamId::new(A::NAME, &key),
            turn: None,
            evolved: None,
            shown: None,
            events: Events::none(),
            entry: cache.enter(key.into()),
        }
    }

    fn loaded(&self) -> Option<&Loaded<A>> {
        let in_memory = || self.turn.as_ref()?.as_ref();
        self.evolved.as_ref().or_else(in_memory)
    }
}

/// The state that the participation at that index holds or shows.
pub(super) fn state<'a, A: Aggregate>(all: &[&'a dyn AnyParticipation], index: usize) -> &'a A {
    let held = all[index].shown().unwrap_or(index);
    // The name of a stream begins with that of its aggregate, so its participations are of one type.
    let participation = all[held].as_any().downcast_ref::<Participation<A>>();
    let loaded = participation.and_then(Participation::loaded);
    &loaded
        .expect("every participation is loaded before a decision")
        .state
}

impl<A: Aggregate> AnyParticipation for Participation<A> {
    fn stream(&self) -> &StreamId {
        &self.stream
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn show(&mut self, index: usize) {
        self.shown = Some(index);
    }

    fn shown(&self) -> Option<usize> {
        self.shown
    }

    fn take_turn(&mut self) -> ParticipationFuture<'_, ()> {
        Box::pin(async {
            self.turn = Some(self.entry.owned_turn().await);
        })
    }

    fn is_loaded(&self, store: &Store) -> bool {
        self.loaded().is_some_and(|loaded| !loaded.is_stale(store))
    }

    fn version(&self) -> u64 {
        self.loaded().map_or(0, |loaded| loaded.version)
    }

    fn load<'a>(&'a mut self, store: &'a Store) -> ParticipationFuture<'a, Result<(), StoreError>> {
        self.forget();
        Box::pin(async {
            let loaded = load(store, &self.stream).await?;
            if let Some(turn) = &mut self.turn {
                **turn = Some(loaded);
            }
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.evolved = None;
        self.events = Events::none();
        if let Some(turn) = &mut self.turn {
            **turn = None;
        }
    }

    fn take_events(&mut self) -> Box<dyn Any> {
        Box::new(std::mem::take(&mut self.events).0)
    }

    fn add_events(&mut self, events: Box<dyn Any>) {
        if let Ok(events) = events.downcast::<Vec<A::Event>>() {
            self.events.0.extend(*events);
        }
    }

    fn append(
        &mut self,
        store: &Store,
        identity: Option<&CommandIdentity>,
        metadata: Metadata,
    ) -> Result<Append, StoreError> {
        let (new, events) = written(store, &self.stream, &self.events, identity)?;
        self.events = events;
        Ok(Append {
            stream: self.stream.clone(),
            expected: Expected::Version(self.version()),
            events: new,
            metadata,
            conditions: Vec::new(),
        })
    }

    fn evolve(&mut self) {
        if self.events.is_empty() {
            return;
        }
        let taken = self.turn.as_mut().and_then(|turn| turn.take());
        if let Some(mut loaded) = taken {
            for event in &self.events.0 {
                loaded.state.apply(event);
            }
            self.evolved = Some(loaded);
        }
    }

    fn keep(&mut self, store: &Store, version: u64) {
        let (Some(mut loaded), Some(turn)) = (self.evolved.take(), &mut self.turn) else {
            return;
        };
        loaded.version = version;
        save_snapshot(store, &mut loaded, &self.stream);
        **turn = Some(loaded);
    }
}
