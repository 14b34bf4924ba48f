//! [`KeyTable`]: the lines of all keys in memory, the least recently used last.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, Weak};

use lru::LruCache;

use crate::module::keyed::line::{KeyLine, KeyTurn, LineNotes, Lines};
use crate::sync::{Mutex, lock};

/// So many locks: messages of different keys seldom wait for each other here.
const SHARDS: usize = 16;

/// From so many values on, each part has a share of them. Fewer have one lock, so that those that leave are
/// the least recently used of all.
const MANY: usize = 1024;

/// How many lines are looked at, at most, for one that may leave.
const PATIENCE: usize = 16;

/// A line, found by its key.
struct ByKey<K, V, N>(Arc<KeyLine<K, V, N>>);

impl<K: Hash, V, N> Hash for ByKey<K, V, N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

impl<K: PartialEq, V, N> PartialEq for ByKey<K, V, N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl<K: Eq, V, N> Eq for ByKey<K, V, N> {}

impl<K, V, N> Borrow<K> for ByKey<K, V, N> {
    fn borrow(&self) -> &K {
        &self.0.key
    }
}

type KeyShard<K, V, N> = LruCache<ByKey<K, V, N>, (), RandomState>;

/// The lines of the keys in memory.
pub(crate) struct KeyTable<K, V, N> {
    this: Weak<Self>,
    shards: Box<[Mutex<KeyShard<K, V, N>>]>,
    hasher: RandomState,
    /// How many lines are kept in each part, but for those in use.
    bound: Option<usize>,
}

impl<K, V, N> KeyTable<K, V, N>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + 'static,
    N: LineNotes + 'static,
{
    /// A table that keeps so many values.
    pub(crate) fn new(keep: Option<usize>) -> Arc<Self> {
        let shards = match keep {
            Some(keep) if keep < MANY => 1,
            _ => SHARDS,
        };
        let hasher = RandomState::new();
        let shard = || Mutex::new(LruCache::unbounded_with_hasher(hasher.clone()));
        let shards = std::iter::repeat_with(shard)
            .take(shards)
            .collect::<Box<[_]>>();
        Arc::new_cyclic(|this| KeyTable {
            this: Weak::clone(this),
            bound: keep.map(|keep| keep / shards.len()),
            shards,
            hasher,
        })
    }

    /// A place in the line of a key; and the turn of another key that has to leave for it, if there is one.
    pub(crate) fn enter(&self, key: &K) -> Entered<TableTurn<K, V, N>> {
        let Some(lines) = self.this.upgrade() else {
            unreachable!("a table is used through its `Arc`")
        };
        let lines = lines as Arc<dyn Lines<K, V, N>>;
        let hash = self.hasher.hash_one(key);
        let mut shard = lock(self.shard(hash));
        if let Some((ByKey(line), ())) = shard.get_key_value(key) {
            let turn = KeyTurn::enter(Arc::clone(line), lines);
            return (turn, None);
        }
        let line = Arc::new(KeyLine::new(key.clone(), hash.max(1)));
        let turn = KeyTurn::enter(Arc::clone(&line), Arc::clone(&lines));
        shard.put(ByKey(line), ());
        let leaving = self.bound.and_then(|bound| {
            let is_full = shard.len() > bound;
            is_full.then(|| least_used(&mut shard, &lines)).flatten()
        });
        (turn, leaving)
    }

    /// The turns of all keys that are not in use and for which `is_wanted` says so, of the least recently
    /// used first: in each part only those before the first one of which it does not.
    pub(crate) fn take_idle(&self, is_wanted: impl Fn(&N) -> bool) -> Vec<TableTurn<K, V, N>> {
        let Some(lines) = self.this.upgrade() else {
            return Vec::new();
        };
        let lines = lines as Arc<dyn Lines<K, V, N>>;
        let mut taken = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            for _ in 0..shard.len() {
                let Some((ByKey(line), ())) = shard.peek_lru() else {
                    break;
                };
                let line = Arc::clone(line);
                match KeyTurn::of_idle(&line, &lines, &is_wanted) {
                    Some(turn) => taken.push(turn),
                    None if line.is_taken() => {}
                    None => break,
                }
                shard.promote(&line.key);
            }
        }
        taken
    }

    fn shard(&self, hash: u64) -> &Mutex<KeyShard<K, V, N>> {
        // The lowest bits choose the place within a part.
        let part = (hash >> 48) as usize % self.shards.len();
        &self.shards[part]
    }
}

/// The place of a message, and the turn of a key whose value has to leave for it.
type Entered<T> = (T, Option<T>);

/// A place in a line of the table.
type TableTurn<K, V, N> = KeyTurn<K, V, N>;

/// The turn of the least recently used key that is not in use.
fn least_used<K, V, N>(
    shard: &mut KeyShard<K, V, N>,
    lines: &Arc<dyn Lines<K, V, N>>,
) -> Option<TableTurn<K, V, N>>
where
    K: Hash + Eq,
    N: LineNotes,
{
    for _ in 0..PATIENCE {
        let line = Arc::clone(&shard.peek_lru()?.0.0);
        let turn = KeyTurn::of_idle(&line, lines, |_| true);
        shard.promote(&line.key);
        if turn.is_some() {
            return turn;
        }
    }
    None
}

impl<K, V, N> Lines<K, V, N> for KeyTable<K, V, N>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + 'static,
    N: LineNotes + 'static,
{
    fn forget_unused(&self, line: &KeyLine<K, V, N>) {
        let mut shard = lock(self.shard(self.hasher.hash_one(&line.key)));
        let found = shard.get_key_value(&line.key);
        let is_it = found.is_some_and(|(ByKey(found), ())| std::ptr::eq(&**found, line));
        if is_it && line.is_unused() {
            let removed = shard.pop_entry(&line.key);
            drop(shard);
            drop(removed);
        }
    }
}
