//! [`KeyIndex`]: keys within their bounds, and when their time is over.

use std::collections::{BTreeSet, HashMap};

use crate::idempotency::KeyName;
use crate::idempotency::budget::{ENTRY, KeyBudget, KeyOwner};

/// The keys that are known, each with a value. A key in progress is in no queue, so that any number of such
/// keys costs nothing when others come and go.
#[derive(Debug)]
pub(crate) struct KeyIndex<T> {
    entries: HashMap<KeyName, KeyEntry<T>>,
    /// The keys that are not in progress, by the end of their time in milliseconds.
    due: BTreeSet<(u64, KeyName)>,
    budget: KeyBudget,
}

/// A key that is known.
#[derive(Debug)]
pub(crate) struct KeyEntry<T> {
    value: T,
    owner: KeyOwner,
    bytes: usize,
    /// The end of its time; `None` while it is in progress.
    until: Option<u64>,
}

/// There is no room for another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl<T> KeyIndex<T> {
    pub(crate) fn new(limit: usize) -> Self {
        KeyIndex {
            entries: HashMap::new(),
            due: BTreeSet::new(),
            budget: KeyBudget::new(limit),
        }
    }

    /// The value of a key, unless its time is over.
    pub(crate) fn get(&self, name: &KeyName, now: u64) -> Option<&T> {
        let entry = self.entries.get(name)?;
        let is_over = entry.until.is_some_and(|until| until <= now);
        (!is_over).then_some(&entry.value)
    }

    /// Adds a key in progress, or makes one that is known be in progress, and returns what it was before.
    ///
    /// # Errors
    /// If there is no room. Nothing is changed then.
    pub(crate) fn claim(
        &mut self,
        name: KeyName,
        owner: KeyOwner,
        value: T,
    ) -> Result<Option<KeyEntry<T>>, NoRoom> {
        let bytes = KeyBudget::claim();
        let before = self.remove(&name);
        if !self.budget.take(&owner, bytes) {
            self.restore(&name, before);
            return Err(NoRoom);
        }
        let entry = KeyEntry {
            value,
            owner,
            bytes,
            until: None,
        };
        self.put(name, entry);
        Ok(before)
    }

    /// Makes a key what it was before it was claimed.
    pub(crate) fn restore(&mut self, name: &KeyName, before: Option<KeyEntry<T>>) {
        self.remove(name);
        if let Some(before) = before {
            self.budget.add(&before.owner, before.bytes);
            self.put(*name, before);
        }
    }

    /// Changes the value of a key. It is in progress no longer, takes that many bytes besides the key itself,
    /// and is kept until then.
    pub(crate) fn settle(&mut self, name: &KeyName, value: T, bytes: usize, until: u64) {
        if let Some(before) = self.remove(name) {
            self.load(*name, before.owner, value, bytes, until);
        }
    }

    /// Adds a key that is not in progress, whether or not there is room.
    pub(crate) fn load(
        &mut self,
        name: KeyName,
        owner: KeyOwner,
        value: T,
        bytes: usize,
        until: u64,
    ) {
        self.remove(&name);
        let bytes = ENTRY + bytes;
        self.budget.add(&owner, bytes);
        let entry = KeyEntry {
            value,
            owner,
            bytes,
            until: Some(until),
        };
        self.put(name, entry);
    }

    /// Takes room for that many bytes besides the key itself, in the place of what the key has taken before;
    /// returns whether there is so much. Nothing is changed if there is not.
    pub(crate) fn reserve(&mut self, name: &KeyName, bytes: usize) -> bool {
        let Some(entry) = self.entries.get_mut(name) else {
            return false;
        };
        let bytes = ENTRY + bytes;
        self.budget.give_back(&entry.owner, entry.bytes);
        let is_taken = self.budget.take(&entry.owner, bytes);
        if is_taken {
            entry.bytes = bytes;
        } else {
            self.budget.add(&entry.owner, entry.bytes);
        }
        is_taken
    }

    /// Forgets a key.
    pub(crate) fn forget(&mut self, name: &KeyName) {
        self.remove(name);
    }

    /// The key whose time is over, if there is one.
    pub(crate) fn due(&self, now: u64) -> Option<KeyName> {
        let (until, name) = self.due.first()?;
        (*until <= now).then_some(*name)
    }

    fn put(&mut self, name: KeyName, entry: KeyEntry<T>) {
        if let Some(until) = entry.until {
            self.due.insert((until, name));
        }
        self.entries.insert(name, entry);
    }

    fn remove(&mut self, name: &KeyName) -> Option<KeyEntry<T>> {
        let entry = self.entries.remove(name)?;
        if let Some(until) = entry.until {
            self.due.remove(&(until, *name));
        }
        self.budget.give_back(&entry.owner, entry.bytes);
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::KeyIndex;
    use crate::idempotency::KeyOwner;

    const OWNER: KeyOwner = KeyOwner {
        hash: [0; 32],
        is_verified: true,
    };

    #[test]
    fn keys_in_progress_are_never_due_and_the_others_in_order() {
        let mut index = KeyIndex::new(1 << 20);
        for number in 0..4 {
            assert!(index.claim([number; 32], OWNER, "in progress").is_ok());
        }
        index.settle(&[2; 32], "done", 10, 7);
        index.settle(&[1; 32], "done", 10, 9);
        assert_eq!(index.due(6), None);
        assert_eq!(index.due(u64::MAX), Some([2; 32]));
        index.forget(&[2; 32]);
        assert_eq!(index.due(u64::MAX), Some([1; 32]));
        index.forget(&[1; 32]);
        assert_eq!(index.due(u64::MAX), None);
        assert_eq!(index.get(&[3; 32], u64::MAX), Some(&"in progress"));
    }

    #[test]
    fn a_key_that_does_not_fit_changes_nothing() {
        let mut index = KeyIndex::new(16_000);
        assert!(index.claim([1; 32], OWNER, 1).is_ok());
        index.settle(&[1; 32], 1, 10, 5);
        assert!(index.claim([2; 32], OWNER, 2).is_ok());
        assert!(index.claim([3; 32], OWNER, 3).is_err());
        let again = index.claim([1; 32], OWNER, 4);
        assert!(again.is_err(), "its answer was shorter");
        assert_eq!(index.get(&[1; 32], 4), Some(&1));
        assert_eq!(index.get(&[1; 32], 5), None);
        assert_eq!(index.due(5), Some([1; 32]));
    }

    #[test]
    fn answers_that_are_being_written_take_their_room_before_they_are() {
        let mut index = KeyIndex::new(8 * 4096);
        for number in 0..2 {
            assert!(index.claim([number; 32], OWNER, "in progress").is_ok());
        }
        assert!(!index.reserve(&[0; 32], 5000));
        assert!(index.reserve(&[0; 32], 2000));
        assert!(!index.reserve(&[1; 32], 2000), "the other one takes it");
        assert!(index.reserve(&[1; 32], 1000));
        index.settle(&[0; 32], "done", 10, 5);
        assert!(index.reserve(&[1; 32], 2000));
        assert!(!index.reserve(&[2; 32], 0), "it is not known");
    }
}
