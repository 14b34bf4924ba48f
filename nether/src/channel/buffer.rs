//! [`Buffer`]: the items of a channel, and which consumers have yet to read them. It knows nothing of tasks.

use std::collections::VecDeque;

struct Slot<T> {
    item: T,
    /// How many watchers have yet to see it.
    left: usize,
    /// How many of them must not miss it.
    held: usize,
    /// Whether any consumer has got it.
    is_got: bool,
}

/// Where a watcher is. Cursors live with the watchers, so that a push costs the same for one as for a
/// thousand of them.
#[derive(Debug)]
pub(crate) struct Cursor {
    next: u64,
    pub(super) misses_nothing: bool,
    pub(crate) missed: u64,
}

/// Items are numbered in the order of their arrival. Newer items never have fewer pending readers than older
/// ones: joiners share one cursor, and a watcher has yet to see every item after its own cursor. So evicting
/// the oldest item loses the least.
pub(super) struct Buffer<T> {
    slots: VecDeque<Slot<T>>,
    /// The number of the oldest.
    first: u64,
    /// The number of the oldest that no joiner has taken.
    next_join: u64,
    /// The number of the oldest that a watcher holds; nothing is held if it is beyond the end.
    held_from: u64,
    capacity: usize,
    joiners: usize,
    watchers: usize,
    holding: usize,
    /// Whether there was ever a consumer; until then all is kept for the first.
    used: bool,
    /// Known once there is a watcher.
    clone: Option<fn(&T) -> T>,
    /// How often a watcher has seen an item.
    seen: u64,
}

impl<T> Buffer<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Buffer {
            slots: VecDeque::new(),
            first: 0,
            next_join: 0,
            held_from: u64::MAX,
            capacity,
            joiners: 0,
            watchers: 0,
            holding: 0,
            used: false,
            clone: None,
            seen: 0,
        }
    }

    pub(super) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
    }

    /// How many more items fit without losing one that a consumer must get.
    pub(super) fn room(&self) -> usize {
        let (mut pinned_from, end) = (self.held_from, self.end());
        if self.joiners > 0 || !self.used {
            pinned_from = pinned_from.min(self.next_join);
        }
        let pinned = end.saturating_sub(pinned_from);
        self.capacity.saturating_sub(as_index(pinned))
    }

    /// Whether there was ever a consumer.
    pub(super) fn was_used(&self) -> bool {
        self.used
    }

    /// Whether there were consumers and none is left.
    pub(super) fn is_unwanted(&self) -> bool {
        self.used && !self.is_consumed()
    }

    fn is_consumed(&self) -> bool {
        self.joiners > 0 || self.watchers > 0
    }

    /// How many items no consumer has got.
    pub(super) fn ungot(&self) -> usize {
        let ungot = self.slots.iter().filter(|slot| !slot.is_got);
        ungot.count()
    }

    /// Appends an item for all. If the buffer is full the oldest gives way, and is given back.
    pub(super) fn push(&mut self, item: T) -> Option<T> {
        let given_way = if self.slots.len() >= self.capacity {
            self.drop_first()
        } else {
            None
        };
        self.slots.push_back(Slot {
            item,
            left: self.watchers,
            held: self.holding,
            is_got: false,
        });
        given_way
    }

    fn drop_first(&mut self) -> Option<T> {
        let slot = self.slots.pop_front()?;
        self.first += 1;
        self.next_join = self.next_join.max(self.first);
        self.held_from = self.held_from.max(self.first);
        Some(slot.item)
    }

    /// The oldest item that no joiner has taken; a clone of it if it is watched too.
    pub(super) fn take(&mut self) -> Option<T> {
        let place = self.place(self.next_join);
        let slot = self.slots.get_mut(place)?;
        match self.clone {
            Some(clone) if slot.left > 0 => {
                let item = clone(&slot.item);
                slot.is_got = true;
                self.next_join += 1;
                Some(item)
            }
            // No other watcher has to see it, nor any older one: it is the first.
            _ => self.drop_first(),
        }
    }

    /// The next item for this watcher; a clone, unless no other consumer needs it. Says also how many it
    /// missed since, for they gave way.
    pub(super) fn see(&mut self, cursor: &mut Cursor) -> Option<T> {
        if let Some(missed) = self.first.checked_sub(cursor.next) {
            if !cursor.misses_nothing {
                cursor.missed += missed; // Other watchers give them up with the stream.
            }
            cursor.next = self.first;
        }
        let place = self.place(cursor.next);
        let is_taken = cursor.next < self.next_join;
        let slot = self.slots.get_mut(place)?;
        let is_last = slot.left == 1 && is_taken;
        // First of all, for it is the user's, and may panic.
        let cloned = match self.clone {
            Some(clone) if !is_last => Some(clone(&slot.item)),
            _ => None,
        };
        slot.left -= 1;
        slot.held -= usize::from(cursor.misses_nothing);
        slot.is_got = true;
        cursor.next += 1;
        self.seen += 1;
        if cursor.misses_nothing {
            self.release();
        }
        cloned.or_else(|| self.drop_first())
    }

    /// Whether there is no item for any consumer.
    pub(super) fn is_drained(&self) -> bool {
        let joined = self.joiners == 0 || !self.has_next();
        // No older item has more pending watchers than the newest.
        joined && self.slots.back().is_none_or(|slot| slot.left == 0)
    }

    /// How often an item was pushed, or taken or seen by a consumer. It only grows.
    pub(super) fn moves(&self) -> u64 {
        self.end() + self.next_join + self.seen
    }

    /// Whether there is an item for a joiner.
    pub(super) fn has_next(&self) -> bool {
        self.next_join < self.end()
    }

    pub(super) fn add_joiner(&mut self) {
        self.joiners += 1;
        self.used = true;
    }

    pub(super) fn remove_joiner(&mut self) {
        self.joiners -= 1;
    }

    /// A new watcher, which sees all that no joiner has taken yet.
    pub(super) fn add_watcher(&mut self, misses_nothing: bool, clone: fn(&T) -> T) -> Cursor {
        self.used = true;
        self.clone = Some(clone);
        self.watchers += 1;
        self.holding += usize::from(misses_nothing);
        let start = self.place(self.next_join);
        for slot in self.slots.iter_mut().skip(start) {
            slot.left += 1;
            slot.held += usize::from(misses_nothing);
        }
        if misses_nothing {
            self.held_from = self.held_from.min(self.next_join);
        }
        Cursor {
            next: self.next_join,
            misses_nothing,
            missed: 0,
        }
    }

    /// Removes a watcher, and returns the items that no consumer needs any more.
    pub(super) fn remove_watcher(&mut self, cursor: &Cursor) -> Vec<T> {
        self.watchers -= 1;
        self.holding -= usize::from(cursor.misses_nothing);
        let unseen = self.place(cursor.next.max(self.first));
        for slot in self.slots.iter_mut().skip(unseen) {
            slot.left -= 1;
            slot.held -= usize::from(cursor.misses_nothing);
        }
        self.release();
        let mut done = Vec::new();
        while self.first < self.next_join && self.slots.front().is_some_and(|slot| slot.left == 0) {
            done.extend(self.drop_first());
        }
        done
    }

    /// Gives up all items.
    pub(super) fn clear(&mut self) -> Vec<T> {
        let mut given_up = Vec::new();
        while let Some(item) = self.drop_first() {
            given_up.push(item);
        }
        given_up
    }

    /// Finds the oldest that is still held.
    fn release(&mut self) {
        if self.holding == 0 {
            self.held_from = u64::MAX;
            return;
        }
        while let Some(slot) = self.slots.get(self.place(self.held_from))
            && slot.held == 0
        {
            self.held_from += 1;
        }
    }

    fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    fn place(&self, number: u64) -> usize {
        as_index(number - self.first)
    }
}

fn as_index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
