//! [`Cache`]: the aggregates in memory. Those in use are never thrown out; of the others the most recently
//! used are kept.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lru::LruCache;
use tokio::sync::{
    Mutex as AsyncMutex, OwnedMutexGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard,
    RwLockWriteGuard,
};
use tokio::time::Instant;

use crate::eventstore::store::Store;
use crate::guarded::drop_unpanicked;
use crate::sync::lock;

/// So many locks: commands to different aggregates seldom wait for each other here.
const SHARDS: usize = 16;

/// The aggregates in memory, by key.
pub(in crate::eventstore) struct Cache<A> {
    shards: Vec<Mutex<Shard<A>>>,
    hasher: RandomState,
    /// How many are kept in each shard while they are not in use.
    bound: usize,
}

struct Shard<A> {
    used: HashMap<Arc<str>, Used<A>>,
    idle: LruCache<Arc<str>, Idle<A>>,
}

struct Used<A> {
    slot: Arc<LoadedSlot<A>>,
    /// Held by the one query that reads the aggregate from the store, so that the others do not wait for its
    /// answer. Made for the first query that needs it; taken before `slot`.
    loading: Option<Arc<AsyncMutex<()>>>,
    users: usize,
}

struct Idle<A> {
    loaded: Loaded<A>,
    since: Instant,
}

/// An aggregate as far as its events are known.
pub(in crate::eventstore) struct Loaded<A> {
    pub(in crate::eventstore) state: A,
    /// How many events it is made of.
    pub(in crate::eventstore) version: u64,
    /// How many of them the last snapshot has.
    pub(super) saved: u64,
    /// Whether it lacks events that the program does not know: then no snapshot is made, which one that does
    /// would use.
    pub(super) skipped: bool,
    /// How often a subject had been forgotten when it was read: it may know those of later.
    pub(super) erasures: u64,
}

impl<A> Loaded<A> {
    /// A state as it was kept, in a version.
    pub(super) fn new(state: A, version: u64, erasures: u64) -> Self {
        Loaded {
            erasures,
            state,
            version,
            saved: version,
            skipped: false,
        }
    }

    /// Whether it may know a subject that was forgotten since it was read.
    pub(in crate::eventstore) fn is_stale(&self, store: &Store) -> bool {
        self.erasures != store.erasures()
    }
}

/// The place of an aggregate in use. Empty until it is loaded, and after it was left in the middle of a
/// change. A command has it for itself, queries read it concurrently; in the order in which they come.
type LoadedSlot<A> = RwLock<Option<Loaded<A>>>;

/// The turn of a command that keeps it beside other turns.
pub(in crate::eventstore) type OwnedTurn<A> = OwnedRwLockWriteGuard<Option<Loaded<A>>>;

impl<A> Cache<A> {
    pub(in crate::eventstore) fn new(bound: usize) -> Self {
        let shard = || {
            Mutex::new(Shard {
                used: HashMap::new(),
                idle: LruCache::unbounded(),
            })
        };
        Cache {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            hasher: RandomState::new(),
            bound: bound.div_ceil(SHARDS),
        }
    }

    /// An entry of an aggregate. As long as a command holds it, the aggregate stays in memory.
    pub(in crate::eventstore) fn enter(self: &Arc<Self>, key: Arc<str>) -> CacheEntry<A> {
        let shard = self.shard(&key);
        let slot = {
            let mut shard = lock(shard);
            let shard = &mut *shard;
            let idle = &mut shard.idle;
            let used = shard.used.entry(Arc::clone(&key)).or_insert_with(|| Used {
                slot: Arc::new(RwLock::new(idle.pop(&key).map(|idle| idle.loaded))),
                loading: None,
                users: 0,
            });
            used.users += 1;
            Arc::clone(&used.slot)
        };
        CacheEntry {
            cache: Arc::clone(self),
            key,
            slot,
        }
    }

    fn shard(&self, key: &str) -> &Mutex<Shard<A>> {
        let hash = self.hasher.hash_one(key) as usize;
        &self.shards[hash % SHARDS]
    }

    fn leave(&self, key: &Arc<str>) {
        // The `Drop` of an aggregate is user code: it runs outside of the lock, and its panic is contained.
        drop_unpanicked(self.put_back(key));
    }

    /// One user less. Gives back an aggregate that does not stay in memory: there is no room, or it has no
    /// events, so that there is nothing to keep. Else questions about unknown keys would evict those
    /// that are in use.
    fn put_back(&self, key: &Arc<str>) -> Option<Loaded<A>> {
        let mut shard = lock(self.shard(key));
        let shard = &mut *shard;
        let used = shard.used.get_mut(key)?;
        used.users -= 1;
        if used.users > 0 {
            return None;
        }
        let loaded = shard.used.remove(key).and_then(|used| {
            // It is not in use, so its lock is free.
            used.slot.try_write().ok().and_then(|mut slot| slot.take())
        });
        let since = Instant::now();
        let loaded = loaded?;
        if loaded.version == 0 {
            return Some(loaded);
        }
        shard.idle.put(Arc::clone(key), Idle { loaded, since });
        let is_full = shard.idle.len() > self.bound;
        let evicted = is_full.then(|| shard.idle.pop_lru()).flatten();
        evicted.map(|(_, idle)| idle.loaded)
    }

    /// Evicts the aggregates that have not been used for so long.
    pub(in crate::eventstore) fn passivate(&self, idle: Duration) {
        let is_over = |oldest: &Idle<A>| oldest.since.elapsed() >= idle;
        for shard in &self.shards {
            let mut over = Vec::new();
            let mut shard = lock(shard);
            while shard.idle.peek_lru().is_some_and(|(_, it)| is_over(it)) {
                over.extend(shard.idle.pop_lru());
            }
            drop(shard);
            over.into_iter().for_each(drop_unpanicked);
        }
    }

    /// How many are in memory.
    pub(super) fn len(&self) -> usize {
        let shards = self.shards.iter().map(lock);
        shards
            .map(|shard| shard.used.len() + shard.idle.len())
            .sum()
    }
}

/// The use of an aggregate, which keeps it in memory until dropped.
pub(in crate::eventstore) struct CacheEntry<A> {
    cache: Arc<Cache<A>>,
    key: Arc<str>,
    slot: Arc<LoadedSlot<A>>,
}

impl<A> CacheEntry<A> {
    /// Waits for one's turn.
    pub(super) async fn turn(&self) -> RwLockWriteGuard<'_, Option<Loaded<A>>> {
        self.slot.write().await
    }

    /// As [`turn`](CacheEntry::turn), for a command that needs several.
    pub(in crate::eventstore) async fn owned_turn(&self) -> OwnedTurn<A> {
        Arc::clone(&self.slot).write_owned().await
    }

    /// Waits for those who came before and have it for themselves.
    pub(super) async fn view(&self) -> RwLockReadGuard<'_, Option<Loaded<A>>> {
        self.slot.read().await
    }

    /// Waits for the query that reads the aggregate from the store, if one does.
    pub(super) async fn loading(&self) -> OwnedMutexGuard<()> {
        let loading = {
            let mut shard = lock(self.cache.shard(&self.key));
            let used = shard.used.get_mut(&self.key);
            used.map(|used| Arc::clone(used.loading.get_or_insert_default()))
        };
        // The entry is one of its users, so it is there.
        loading.unwrap_or_default().lock_owned().await
    }
}

impl<A> Drop for CacheEntry<A> {
    fn drop(&mut self) {
        self.cache.leave(&self.key);
    }
}
