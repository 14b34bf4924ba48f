//! [`KeyBudget`]: how many bytes of keys and answers are kept, in total and for each owner.

use std::collections::HashMap;
use std::time::Duration;

/// How many bytes a key takes besides its answer: its names, hashes and places in maps and queues.
pub(crate) const ENTRY: usize = 320;

/// How many bytes a key in progress takes, for the answer that will come.
const RESERVED: usize = 704;

/// Each owner may take this part of all.
const SHARE: usize = 8;

/// Owners whose credentials were not verified may take this part of all together, so that there is always
/// room for the others.
const UNVERIFIED: usize = 2;

/// The bounds of what is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyLimits {
    /// How many bytes.
    pub(crate) bytes: usize,
    /// How long an answer is kept.
    pub(crate) retention: Duration,
}

impl KeyLimits {
    /// The fewest bytes of which the share of one owner has room for a key.
    #[cfg_attr(not(feature = "http"), expect(dead_code))]
    pub(crate) const LEAST: usize = SHARE * (ENTRY + RESERVED);
}

impl Default for KeyLimits {
    fn default() -> Self {
        KeyLimits {
            bytes: 64 << 20,
            retention: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// In whose share a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyOwner {
    /// The hash of the principal; or of the address of the peer, if there is no principal.
    pub(crate) hash: [u8; 32],
    /// Whether it is a principal.
    pub(crate) is_verified: bool,
}

/// The budget of a store of keys: its limit, and how much of that is taken.
#[derive(Debug)]
pub(super) struct KeyBudget {
    limit: usize,
    taken: usize,
    unverified: usize,
    shares: HashMap<[u8; 32], usize>,
}

impl KeyBudget {
    pub(super) fn new(limit: usize) -> Self {
        KeyBudget {
            limit,
            taken: 0,
            unverified: 0,
            shares: HashMap::new(),
        }
    }

    /// How many bytes a key in progress takes.
    pub(super) fn claim() -> usize {
        ENTRY + RESERVED
    }

    /// Takes bytes, if there is room for them.
    pub(super) fn take(&mut self, owner: &KeyOwner, bytes: usize) -> bool {
        let share = self.shares.get(&owner.hash).copied().unwrap_or_default();
        let fits = share + bytes <= self.limit / SHARE
            && self.taken + bytes <= self.limit
            && (owner.is_verified || self.unverified + bytes <= self.limit / UNVERIFIED);
        if fits {
            self.add(owner, bytes);
        }
        fits
    }

    /// Takes bytes, whether or not there is room: what is in the store already.
    pub(super) fn add(&mut self, owner: &KeyOwner, bytes: usize) {
        self.taken += bytes;
        if !owner.is_verified {
            self.unverified += bytes;
        }
        *self.shares.entry(owner.hash).or_default() += bytes;
    }

    pub(super) fn give_back(&mut self, owner: &KeyOwner, bytes: usize) {
        self.taken -= bytes;
        if !owner.is_verified {
            self.unverified -= bytes;
        }
        if let Some(share) = self.shares.get_mut(&owner.hash) {
            *share -= bytes;
            if *share == 0 {
                self.shares.remove(&owner.hash);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyBudget, KeyLimits, KeyOwner};

    fn owner(number: u8, is_verified: bool) -> KeyOwner {
        KeyOwner {
            hash: [number; 32],
            is_verified,
        }
    }

    #[test]
    fn no_owner_takes_more_than_its_share() {
        let mut budget = KeyBudget::new(800);
        let (ann, bob) = (owner(1, true), owner(2, true));
        assert!(budget.take(&ann, 100));
        assert!(!budget.take(&ann, 1));
        assert!(budget.take(&bob, 100));
        budget.give_back(&ann, 1);
        assert!(budget.take(&ann, 1));
    }

    #[test]
    fn unverified_owners_leave_room_for_the_others_however_many_they_are() {
        let mut budget = KeyBudget::new(800);
        let taken = (0..100).filter(|number| budget.take(&owner(*number, false), 100));
        assert_eq!(taken.count(), 4);
        let taken = (100..200).filter(|number| budget.take(&owner(*number, true), 100));
        assert_eq!(taken.count(), 4);
    }

    #[test]
    fn the_least_that_may_be_kept_is_one_key_of_an_owner() {
        for (limit, has_room) in [(KeyLimits::LEAST, true), (KeyLimits::LEAST - 1, false)] {
            let mut budget = KeyBudget::new(limit);
            let taken = budget.take(&owner(1, false), KeyBudget::claim());
            assert_eq!(taken, has_room, "{limit}");
        }
    }

    #[test]
    fn nothing_is_left_of_what_was_given_back() {
        let mut budget = KeyBudget::new(800);
        for number in 0..4 {
            budget.add(&owner(number, number % 2 == 0), 500);
        }
        assert!(!budget.take(&owner(9, true), 1));
        for number in 0..4 {
            budget.give_back(&owner(number, number % 2 == 0), 500);
        }
        assert_eq!((budget.taken, budget.unverified), (0, 0));
        assert!(budget.shares.is_empty());
    }
}
