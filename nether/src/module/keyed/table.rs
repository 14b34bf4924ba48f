//! [`KeyTable`]: the lines of all keys in memory. Those in use are never thrown out; of the others the most
//! recently used are kept.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::ptr;
use std::sync::{Arc, Weak};

use crate::guarded::drop_unpanicked;
use crate::module::keyed::line::{IdlePlace, KeyLine, KeyTurn, LineNotes, LineUse, Lines};
use crate::sync::{Mutex, lock};

/// The number of parts, each with a lock: messages of different keys seldom wait for the same one.
const SHARDS: usize = 16;

/// From this number of values on, each part keeps a share of them. Fewer values have one lock, so that the
/// least recently used of all leaves.
const MANY: usize = 1024;

/// A line, found by its key. The hash of the key is kept, and two entries are the same only if they are of
/// the same line: of the user's code nothing but `Eq` runs under a lock, and that before anything changes.
struct ByKey<K, V, N>(Arc<KeyLine<K, V, N>>);

/// What a line is found by.
trait Sought<K> {
    fn hash(&self) -> u64;
    fn key(&self) -> &K;
    /// Where the line is, if it is known which it is.
    fn address(&self) -> Option<usize>;
}

/// A key with its hash.
struct HashedKey<'a, K>(&'a K, u64);

impl<K> Sought<K> for HashedKey<'_, K> {
    fn hash(&self) -> u64 {
        self.1
    }

    fn key(&self) -> &K {
        self.0
    }

    fn address(&self) -> Option<usize> {
        None
    }
}

impl<K, V, N> Sought<K> for KeyLine<K, V, N> {
    fn hash(&self) -> u64 {
        self.hash
    }

    fn key(&self) -> &K {
        &self.key
    }

    fn address(&self) -> Option<usize> {
        Some(ptr::from_ref(self).addr())
    }
}

impl<K> Hash for dyn Sought<K> + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(Sought::hash(self));
    }
}

impl<K: Eq> PartialEq for dyn Sought<K> + '_ {
    fn eq(&self, other: &Self) -> bool {
        match (self.address(), other.address()) {
            (Some(this), Some(other)) => this == other,
            _ => Sought::hash(self) == Sought::hash(other) && self.key() == other.key(),
        }
    }
}

impl<K: Eq> Eq for dyn Sought<K> + '_ {}

impl<K, V, N> Hash for ByKey<K, V, N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl<K, V, N> PartialEq for ByKey<K, V, N> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<K, V, N> Eq for ByKey<K, V, N> {}

impl<'a, K: 'a, V: 'a, N: 'a> Borrow<dyn Sought<K> + 'a> for ByKey<K, V, N> {
    fn borrow(&self) -> &(dyn Sought<K> + 'a) {
        &*self.0
    }
}

/// Passes on a number that is a hash already.
#[derive(Default)]
struct HashedOnce(u64);

impl Hasher for HashedOnce {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("entries are hashed by their number")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type OnceHashed = BuildHasherDefault<HashedOnce>;

/// A part of the table.
struct KeyShard<K, V, N: LineNotes> {
    /// All lines: those in use, those that have a value, and those of which only notes are kept.
    lines: HashSet<ByKey<K, V, N>, OnceHashed>,
    /// Those that have a value and are not in use, by when they were used; empty if the table is not ordered.
    /// A line is removed, under the lock of its part, before its turn is taken, so its place here is exact.
    idle: BTreeMap<IdlePlace<N>, Arc<KeyLine<K, V, N>>>,
    /// How many places in `idle` were numbered.
    placed: u64,
}

/// The lines of the keys in memory.
pub(crate) struct KeyTable<K, V, N: LineNotes> {
    this: Weak<Self>,
    shards: Box<[Mutex<KeyShard<K, V, N>>]>,
    hasher: RandomState,
    /// How many values are kept in each part, but for those in use.
    bound: Option<usize>,
    /// Whether values leave that were not used for the longest time.
    is_ordered: bool,
}

impl<K, V, N> KeyTable<K, V, N>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + 'static,
    N: LineNotes + 'static,
{
    /// A table that keeps so many values besides those in use. Those that [`take_idle`](KeyTable::take_idle)
    /// takes are the oldest if there is a bound, or if `is_ordered` says so.
    pub(crate) fn new(keep: Option<usize>, is_ordered: bool) -> Arc<Self> {
        let shards = match keep {
            Some(keep) if keep < MANY => 1,
            _ => SHARDS,
        };
        let shard = || {
            Mutex::new(KeyShard {
                lines: HashSet::default(),
                idle: BTreeMap::new(),
                placed: 0,
            })
        };
        let shards = std::iter::repeat_with(shard)
            .take(shards)
            .collect::<Box<[_]>>();
        Arc::new_cyclic(|this| KeyTable {
            this: Weak::clone(this),
            bound: keep.map(|keep| keep / shards.len()),
            is_ordered: is_ordered || keep.is_some(),
            shards,
            hasher: RandomState::new(),
        })
    }

    /// A place in the line of a key.
    pub(crate) fn enter(&self, key: &K) -> KeyTurn<K, V, N> {
        let lines = self.lines();
        let hash = self.hasher.hash_one(key).max(1);
        let sought: &dyn Sought<K> = &HashedKey(key, hash);
        // What the user's code may leave in a panic is dropped after the lock.
        let line;
        let mut shard = lock(self.shard(hash));
        line = match shard.lines.get(sought) {
            Some(ByKey(line)) => Arc::clone(line),
            None => {
                let line = Arc::new(KeyLine::new(key.clone(), hash));
                shard.lines.insert(ByKey(Arc::clone(&line)));
                line
            }
        };
        // A line is entered under the lock of its part: so one that is not in use there stays so.
        let turn = KeyTurn::enter(line, lines);
        if self.is_ordered && turn.value.is_some() {
            shard.idle.remove(&turn.line().idle_place());
        }
        turn
    }

    /// The turns of the keys for whose values there is no room in the part that has keys of this hash, now
    /// that the turn of a message has ended: those that were not used for the longest time.
    pub(crate) fn take_excess(&self, hash: u64) -> Vec<KeyTurn<K, V, N>> {
        let Some(bound) = self.bound else {
            return Vec::new();
        };
        let lines = self.lines();
        let mut taken = Vec::new();
        let mut shard = lock(self.shard(hash));
        while shard.idle.len() > bound {
            taken.extend(shard.take_oldest(&lines));
        }
        taken
    }

    /// The turns of at most so many keys that are not in use and have a value for which `is_wanted` says so.
    /// If the table is ordered: in each part only those that were not used for longer than the first one of
    /// which it does not.
    pub(crate) fn take_idle(
        &self,
        most: usize,
        is_wanted: impl Fn(&N) -> bool,
    ) -> Vec<KeyTurn<K, V, N>> {
        let lines = self.lines();
        let mut taken = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            if !self.is_ordered {
                let idle = shard.lines.iter();
                let idle = idle.filter_map(|it| KeyTurn::of_idle(&it.0, &lines, &is_wanted));
                taken.extend(idle.take(most - taken.len()));
            }
            while taken.len() < most {
                let oldest = shard.idle.first_key_value();
                if !oldest.is_some_and(|(_, line)| line.with_notes(|it| is_wanted(it))) {
                    break;
                }
                taken.extend(shard.take_oldest(&lines));
            }
        }
        taken
    }

    /// A place in the line of each key that has a value or is in use, for a message that does not count as a
    /// use.
    pub(crate) fn enter_all(&self) -> Vec<KeyTurn<K, V, N>> {
        let lines = self.lines();
        let mut entered = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            entered.reserve(shard.lines.len());
            let all = shard.lines.iter();
            entered.extend(all.filter_map(|it| KeyTurn::enter_if_in_memory(&it.0, &lines)));
            // Each of them has the turn of its message now.
            shard.idle.clear();
        }
        entered
    }

    /// How many keys that have crashed, and have no value, have notes for which `is_counted` says so.
    pub(crate) fn count_crashed(&self, is_counted: impl Fn(&N) -> bool) -> usize {
        let of_shard = |shard: &Mutex<KeyShard<K, V, N>>| {
            let shard = lock(shard);
            let crashed = shard.lines.iter().filter(|it| it.0.has_crashed());
            crashed
                .filter(|it| it.0.with_notes(|notes| is_counted(notes)))
                .count()
        };
        self.shards.iter().map(of_shard).sum()
    }

    /// Removes the lines of keys that have crashed of which nothing is kept any more.
    pub(crate) fn sweep(&self) {
        for shard in &self.shards {
            let mut removed = Vec::new();
            lock(shard).lines.retain(|ByKey(line)| {
                let is_kept = !line.has_crashed() || line.line_use() != LineUse::IsUnused;
                if !is_kept {
                    removed.push(Arc::clone(line));
                }
                is_kept
            });
            removed.into_iter().for_each(drop_unpanicked);
        }
    }

    fn lines(&self) -> Arc<dyn Lines<K, V, N>> {
        match self.this.upgrade() {
            Some(lines) => lines,
            None => unreachable!("a table is used through its `Arc`"),
        }
    }
}

impl<K, V, N: LineNotes> KeyTable<K, V, N> {
    fn shard(&self, hash: u64) -> &Mutex<KeyShard<K, V, N>> {
        // The lowest bits choose the place within a part.
        let part = (hash >> 48) as usize % self.shards.len();
        &self.shards[part]
    }
}

impl<K: Eq, V, N: LineNotes> KeyShard<K, V, N> {
    /// The turn of the key whose value was not used for the longest time. It is in use from now on.
    fn take_oldest(&mut self, lines: &Arc<dyn Lines<K, V, N>>) -> Option<KeyTurn<K, V, N>> {
        let (_, line) = self.idle.pop_first()?;
        KeyTurn::of_idle(&line, lines, |_| true)
    }

    /// Looks whether a line is in use that was not a moment ago. Gives it back if nothing is left of it.
    fn settle(&mut self, line: &KeyLine<K, V, N>, is_ordered: bool) -> Option<ByKey<K, V, N>> {
        let sought: &dyn Sought<K> = line;
        match line.line_use() {
            LineUse::HasValue if is_ordered => {
                if let Some(ByKey(line)) = self.lines.get(sought) {
                    self.placed += 1;
                    let place = line.place(self.placed);
                    self.idle.insert(place, Arc::clone(line));
                }
                None
            }
            LineUse::IsUnused => self.lines.take(sought),
            LineUse::IsTaken | LineUse::HasValue | LineUse::HasNotes => None,
        }
    }
}

impl<K, V, N> Lines<K, V, N> for KeyTable<K, V, N>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + 'static,
    N: LineNotes + 'static,
{
    fn ended(&self, line: &KeyLine<K, V, N>, is_unused: bool) {
        if is_unused || self.is_ordered {
            let removed = lock(self.shard(line.hash)).settle(line, self.is_ordered);
            // The `Drop` of a key is user code: it runs outside of the lock, and its panic is contained.
            drop_unpanicked(removed);
        }
    }
}
