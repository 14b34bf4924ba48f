//! [`Timetable`]: entries that are due later. Its interleavings are tried out, all of them, in
//! `tests/models`.
//!
//! An entry is taken out once: by the task that finds it due, by a cancellation, by an entry that replaces
//! it, or by the end of its owner.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use crate::sync::{Mutex, lock};

/// The entries of all owners, by the time at which they are due; those of one time in the order in which they
/// were added.
pub(crate) struct Timetable<At, K, T>(Mutex<Entries<At, K, T>>);

struct Entries<At, K, T> {
    by_slot: BTreeMap<DueSlot<At>, DueEntry<K, T>>,
    by_name: HashMap<Arc<EntryName<K>>, DueSlot<At>>,
    /// How many entries each owner has, and how many values it runs. One without both is not here.
    owners: HashMap<TypeId, Owner>,
    next: u64,
    /// Whether it takes no more entries.
    is_closed: bool,
}

/// The place of an entry, which no other entry of the timetable ever has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DueSlot<At> {
    due: At,
    number: u64,
}

struct DueEntry<K, T> {
    owner: TypeId,
    name: Option<Arc<EntryName<K>>>,
    item: T,
}

/// A name, of which an owner has one entry at a time; for entries with a key, one for each key.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct EntryName<K> {
    pub(crate) owner: TypeId,
    pub(crate) name: Cow<'static, str>,
    pub(crate) key: Option<K>,
}

#[derive(Debug, Default)]
struct Owner {
    running: usize,
    entries: usize,
}

/// An entry that was added.
#[derive(Debug)]
pub(crate) struct AddedEntry<At> {
    pub(crate) slot: DueSlot<At>,
    /// Whether it is due before all others.
    pub(crate) is_first: bool,
}

/// The time at which the next entry is due, if there is one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NextDue<At> {
    At(At),
    /// There is no entry.
    Nothing,
    /// There is no entry, and there will be none.
    Closed,
}

impl<At: Ord + Copy, K: Eq + Hash, T> Timetable<At, K, T> {
    pub(crate) fn new() -> Self {
        Timetable(Mutex::new(Entries {
            by_slot: BTreeMap::new(),
            by_name: HashMap::new(),
            owners: HashMap::new(),
            next: 0,
            is_closed: false,
        }))
    }

    /// Counts one more running value of an owner. Only an owner that runs has entries.
    pub(crate) fn begin(&self, owner: TypeId) {
        lock(&self.0).owners.entry(owner).or_default().running += 1;
    }

    /// Counts one running value of an owner less. With the last one, its entries are taken out.
    pub(crate) fn end(&self, owner: TypeId) -> Vec<T> {
        let mut entries = lock(&self.0);
        let Some(it) = entries.owners.get_mut(&owner) else {
            return Vec::new();
        };
        it.running -= 1;
        if it.running > 0 {
            return Vec::new();
        }
        let count = it.entries;
        entries.owners.remove(&owner);
        entries.take_all_of(owner, count)
    }

    /// Takes out all entries, and takes no more.
    pub(crate) fn close(&self) -> Vec<T> {
        let mut entries = lock(&self.0);
        entries.is_closed = true;
        entries.by_name.clear();
        let all = std::mem::take(&mut entries.by_slot);
        for owner in entries.owners.values_mut() {
            owner.entries = 0;
        }
        drop(entries);
        all.into_values().map(|entry| entry.item).collect()
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// The item, if its owner does not run, or the timetable is closed.
    pub(crate) fn add(&self, owner: TypeId, due: At, item: T) -> Result<AddedEntry<At>, T> {
        let mut entries = lock(&self.0);
        if entries.is_closed {
            return Err(item);
        }
        match entries.owners.get_mut(&owner) {
            Some(owner) if owner.running > 0 => owner.entries += 1,
            _ => return Err(item),
        }
        let number = entries.next;
        entries.next += 1;
        let slot = DueSlot { due, number };
        let first = entries.by_slot.first_key_value().map(|(first, _)| *first);
        let entry = DueEntry {
            owner,
            name: None,
            item,
        };
        entries.by_slot.insert(slot, entry);
        let is_first = first.is_none_or(|first| slot < first);
        Ok(AddedEntry { slot, is_first })
    }

    /// Gives a name to an entry, and takes out the one that had it. If the entry itself was taken out before,
    /// the earlier one is taken out all the same: the two were to replace each other.
    pub(crate) fn name(&self, slot: DueSlot<At>, name: EntryName<K>) -> Option<T> {
        let name = Arc::new(name);
        let mut entries = lock(&self.0);
        let holder = entries.by_name.get(&name).copied();
        if holder == Some(slot) {
            return None;
        }
        let replaced = holder.and_then(|holder| entries.take(holder));
        let Some(entry) = entries.by_slot.get_mut(&slot) else {
            return replaced;
        };
        let before = entry.name.replace(Arc::clone(&name));
        if let Some(before) = before {
            entries.by_name.remove(&before);
        }
        entries.by_name.insert(name, slot);
        replaced
    }

    /// Takes an entry out, if it is still there.
    pub(crate) fn cancel(&self, slot: DueSlot<At>) -> Option<T> {
        lock(&self.0).take(slot)
    }

    /// Takes out the first entry, if it is due at `now`.
    pub(crate) fn take_due(&self, now: At) -> Option<T> {
        let mut entries = lock(&self.0);
        let (slot, _) = entries.by_slot.first_key_value()?;
        let slot = *slot;
        if slot.due <= now {
            entries.take(slot)
        } else {
            None
        }
    }

    pub(crate) fn next_due(&self) -> NextDue<At> {
        let entries = lock(&self.0);
        match entries.by_slot.first_key_value() {
            Some((slot, _)) => NextDue::At(slot.due),
            None if entries.is_closed => NextDue::Closed,
            None => NextDue::Nothing,
        }
    }
}

impl<At: Ord + Copy, K: Eq + Hash, T> Entries<At, K, T> {
    fn take(&mut self, slot: DueSlot<At>) -> Option<T> {
        let entry = self.by_slot.remove(&slot)?;
        if let Some(name) = &entry.name {
            self.by_name.remove(name);
        }
        if let Some(owner) = self.owners.get_mut(&entry.owner) {
            owner.entries -= 1;
        }
        Some(entry.item)
    }

    /// Takes out the entries of an owner, which has so many. It looks at all entries, of all owners, up to
    /// the last of these: an owner ends rarely.
    fn take_all_of(&mut self, owner: TypeId, count: usize) -> Vec<T> {
        let of_owner = self
            .by_slot
            .iter()
            .filter(|(_, entry)| entry.owner == owner);
        let slots: Vec<DueSlot<At>> = of_owner.map(|(slot, _)| *slot).take(count).collect();
        slots
            .into_iter()
            .filter_map(|slot| self.take(slot))
            .collect()
    }
}
