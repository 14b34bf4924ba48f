//! [`Buffer`]: the items of a channel, and who has still to get them. Knows of no tasks.

use std::collections::VecDeque;
use std::sync::Arc;

/// An item: of one owner until somebody watches.
pub(super) enum Item<T> {
    Own(T),
    Shared(Arc<T>),
}

struct Slot<T> {
    item: Item<T>,
    /// How many watchers have yet to see it.
    left: usize,
    /// How many of them must not miss it.
    held: usize,
}

/// Where a watcher is. Cursors live with the watchers, so that a push costs the same for one as for a thousand of them.
#[derive(Debug)]
pub(crate) struct Cursor {
    next: u64,
    misses_nothing: bool,
    pub(crate) missed: u64,
}

/// Items are numbered in the order they came. Of those who have yet to get an item there are never fewer than of an older one:
/// joiners share one cursor, and whoever watches has still to see all that is younger than its own. So the items that must
/// not be lost are the youngest, and what gives way to a new one is the oldest.
pub(super) struct Buffer<T> {
    slots: VecDeque<Slot<T>>,
    /// The number of the oldest.
    first: u64,
    /// The number of the oldest that no joiner has taken.
    next_join: u64,
    /// The number of the oldest that somebody holds; nothing is held if it is beyond the end.
    held_from: u64,
    capacity: usize,
    joiners: usize,
    watchers: usize,
    holding: usize,
    /// Whether there was ever a consumer; until then all is kept for the first.
    used: bool,
    /// Known as soon as somebody watches.
    clone: Option<fn(&T) -> T>,
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
        }
    }

    pub(super) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
    }

    /// How many more items fit without losing one that somebody must get.
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

    pub(super) fn is_watched(&self) -> bool {
        self.watchers > 0
    }

    fn is_consumed(&self) -> bool {
        self.joiners > 0 || self.watchers > 0
    }

    /// How many items no joiner has taken.
    pub(super) fn untaken(&self) -> usize {
        as_index(self.end() - self.next_join)
    }

    /// Appends an item for all. If the buffer is full the oldest gives way, and is given back.
    pub(super) fn push(&mut self, item: T) -> Option<Item<T>> {
        let item = if self.is_watched() {
            Item::Shared(Arc::new(item))
        } else {
            Item::Own(item)
        };
        self.append(item)
    }

    fn append(&mut self, item: Item<T>) -> Option<Item<T>> {
        let given_way = if self.slots.len() >= self.capacity {
            self.drop_first()
        } else {
            None
        };
        self.slots.push_back(Slot {
            item,
            left: self.watchers,
            held: self.holding,
        });
        given_way
    }

    fn drop_first(&mut self) -> Option<Item<T>> {
        let slot = self.slots.pop_front()?;
        self.first += 1;
        self.next_join = self.next_join.max(self.first);
        Some(slot.item)
    }

    /// The oldest item that no joiner has taken, and how to clone it if others have it too.
    pub(super) fn take(&mut self) -> Option<(Item<T>, Option<fn(&T) -> T>)> {
        let place = self.place(self.next_join);
        let slot = self.slots.get(place)?;
        let item = match &slot.item {
            Item::Shared(item) if slot.left > 0 => {
                self.next_join += 1;
                Item::Shared(Arc::clone(item))
            }
            // Nobody else has to see it, nor any older one: it is the first.
            _ => self.drop_first()?,
        };
        Some((item, self.clone))
    }

    /// The next item for this watcher. Says also how many it missed since, for they gave way.
    pub(super) fn see(&mut self, cursor: &mut Cursor) -> Option<Arc<T>> {
        if let Some(missed) = self.first.checked_sub(cursor.next) {
            cursor.missed += missed;
            cursor.next = self.first;
        }
        let place = self.place(cursor.next);
        let slot = self.slots.get_mut(place)?;
        slot.left -= 1;
        slot.held -= usize::from(cursor.misses_nothing);
        let is_done = slot.left == 0 && cursor.next < self.next_join;
        let Item::Shared(item) = &slot.item else {
            return None; // Cannot be: what is watched is shared.
        };
        let item = Arc::clone(item);
        cursor.next += 1;
        self.release();
        if is_done {
            self.drop_first(); // Not the last reference.
        }
        Some(item)
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
    pub(super) fn add_watcher(
        &mut self,
        misses_nothing: bool,
        clone: Option<fn(&T) -> T>,
    ) -> Cursor {
        self.used = true;
        self.clone = clone;
        self.watchers += 1;
        self.holding += usize::from(misses_nothing);
        let start = self.place(self.next_join);
        let older = self.slots.drain(..).collect::<Vec<_>>();
        self.slots
            .extend(older.into_iter().enumerate().map(|(place, slot)| {
                let is_seen = usize::from(place >= start);
                Slot {
                    item: Item::Shared(slot.item.into_shared()),
                    left: slot.left + is_seen,
                    held: slot.held + is_seen * usize::from(misses_nothing),
                }
            }));
        if misses_nothing {
            self.held_from = self.held_from.min(self.next_join);
        }
        Cursor {
            next: self.next_join,
            misses_nothing,
            missed: 0,
        }
    }

    /// Gives back what nobody needs any more.
    pub(super) fn remove_watcher(&mut self, cursor: &Cursor) -> Vec<Item<T>> {
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
    pub(super) fn clear(&mut self) -> Vec<Item<T>> {
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

impl<T> Item<T> {
    fn into_shared(self) -> Arc<T> {
        match self {
            Item::Own(item) => Arc::new(item),
            Item::Shared(item) => item,
        }
    }
}

fn as_index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
