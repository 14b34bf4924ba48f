//! [`StuckSet`]: which deliveries wait for streams, directly or for others that do.

use std::collections::{HashMap, HashSet};

use super::{DeliveryKey, ParkedHandler, Queued, QueuedEntry, ReplyEntry, WaitKind};

/// The deliveries that are known to wait, while it is found out which do.
pub(super) struct StuckSet<'a> {
    /// The handlers that are parked in exclusive modules, by the numbers of these.
    pub(super) handlers: &'a HashMap<u64, DeliveryKey>,
    pub(super) parked: &'a HashMap<DeliveryKey, ParkedHandler>,
    pub(super) queued: &'a HashMap<u64, QueuedEntry>,
    pub(super) known: HashSet<DeliveryKey>,
}

impl StuckSet<'_> {
    pub(super) fn has_wait(&self, wait: &WaitKind) -> bool {
        match wait {
            WaitKind::Item(stream) => stream.is_drained() && !stream.has_ended(),
            WaitKind::Room(stream) => stream.is_full(),
            WaitKind::Message(sequence) => self.has_message(*sequence),
        }
    }

    /// Whether the message is handled by a delivery that waits, or is queued behind one.
    fn has_message(&self, sequence: u64) -> bool {
        let callee = DeliveryKey::of_call(sequence);
        if self.parked.contains_key(&callee) {
            return self.known.contains(&callee);
        }
        let mut queued = self
            .queued
            .values()
            .filter(|entry| entry.sequence == sequence)
            .peekable();
        queued.peek().is_some() && queued.all(|entry| self.has_queued(entry.behind))
    }

    /// Whether the message is handled by a delivery that waits, or lies in a mailbox behind one.
    pub(super) fn has_callee(&self, reply: &ReplyEntry) -> bool {
        let callee = DeliveryKey::of_call(reply.sequence);
        if self.parked.contains_key(&callee) {
            return self.known.contains(&callee);
        }
        self.has_module(reply.module)
    }

    fn has_module(&self, module: u64) -> bool {
        let handler = self.handlers.get(&module);
        handler.is_some_and(|key| self.known.contains(key))
    }

    pub(super) fn has_queued(&self, behind: Queued) -> bool {
        match behind {
            Queued::Mailbox(module) => self.has_module(module),
            Queued::Place(places) => {
                let have_places = self.parked.iter().filter(|(key, handler)| {
                    handler.place_in == Some(places.module) && self.known.contains(key)
                });
                have_places.count() >= places.count
            }
            Queued::Abandoned(sequence) => self.known.contains(&DeliveryKey::of_call(sequence)),
        }
    }
}
