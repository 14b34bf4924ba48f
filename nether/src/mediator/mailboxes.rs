//! [`Mailboxes`]: what holds messages that wait, for as long as it is there.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Weak};

/// How many are kept before those that are gone are looked for the first time.
const FEW: usize = 64;

/// A mailbox, as those see it who cancel a unit of work.
pub(crate) trait HoldsMessages: Send + Sync {
    /// Makes dead letters of what waits here of the scope at this address, which is cancelled, and wakes the
    /// senders that wait for room.
    fn forget(&self, scope: usize);
}

/// The mailboxes of a system.
///
/// Those that are gone are removed when there are twice as many as after the last removal. So a module that
/// is attached costs the same however many there are, and what is gone never outnumbers what is there.
#[derive(Default)]
pub(crate) struct Mailboxes {
    list: Vec<Weak<dyn HoldsMessages>>,
    /// With how many those that are gone are removed.
    many: usize,
}

impl Mailboxes {
    pub(crate) fn add(&mut self, mailbox: Weak<dyn HoldsMessages>) {
        if self.list.len() >= self.many.max(FEW) {
            self.list.retain(|mailbox| mailbox.strong_count() > 0);
            self.many = self.list.len() * 2;
        }
        self.list.push(mailbox);
    }

    /// Those that are there.
    pub(crate) fn there(&self) -> Vec<Arc<dyn HoldsMessages>> {
        self.list.iter().filter_map(Weak::upgrade).collect()
    }
}
