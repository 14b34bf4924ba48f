//! [`LedgerState`]: what is under the lock of a [`Ledger`](super::Ledger).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::task::Waker;

use super::elsewhere::next_roll;
use super::entries::{ParkedHandler, QueuedEntry, ReplyEntry, WaitEntry};
use super::working::Working;
use super::{
    DeliveryKey, HeldMailbox, HeldModule, PendingReply, Queued, Stuck, WaitElsewhere, WaitKind,
};
use crate::channel::AnyChannel;

/// How many replies are registered before those that are over are removed for the first time.
const FEW_REPLIES: usize = 32;

#[derive(Default)]
pub(super) struct LedgerState {
    /// What handlers wait for, other than replies from mailboxes.
    pub(super) waits: HashMap<DeliveryKey, Vec<WaitEntry>>,
    /// The replies that handlers wait for, by their addresses.
    pub(super) replies: HashMap<usize, ReplyEntry>,
    /// How many replies there are when those that are over are removed.
    many_replies: usize,
    /// The handlers that are not being polled.
    pub(super) parked: HashMap<DeliveryKey, ParkedHandler>,
    /// The exclusive modules among them.
    pub(super) held: HashMap<DeliveryKey, HeldModule>,
    /// Those among them that wait for nothing; known once the unit of work closes.
    working: Option<Box<Working>>,
    pub(super) queued: HashMap<u64, QueuedEntry>,
    next_id: u64,
    /// The number of the last roll call.
    pub(super) roll: u64,
    /// The number of the last one that modules ahead of its messages had to answer too.
    pub(super) roll_ahead: u64,
    /// Whether a verdict was given on the answers to the last one: a task that answered may have ceased to
    /// poll since.
    pub(super) is_roll_spent: bool,
    /// How many waits had begun or ended before the last roll call.
    pub(super) moves_before_roll: u64,
    /// How many waits have begun or ended.
    pub(super) moves: u64,
    /// How many waits and deliveries the last look went through.
    pub(super) examined: usize,
}

impl LedgerState {
    pub(super) fn number(&mut self) -> u64 {
        self.moves += 1;
        self.next_id += 1;
        self.next_id
    }

    /// Registers a reply, by its address.
    pub(super) fn expect(&mut self, address: usize, entry: ReplyEntry) {
        if let Some(working) = &mut self.working {
            working.expect(entry.of, address, &self.replies);
        }
        self.replies.insert(address, entry);
    }

    /// Whether some handler is parked that waits for nothing that is registered. It costs the same however
    /// many handlers there are, except for the first time.
    pub(super) fn has_working(&mut self) -> bool {
        if let Some(working) = &self.working {
            return !working.is_empty();
        }
        let mut working = Working::default();
        working.set_expected(&self.replies);
        self.working = Some(Box::new(working));
        let parked: Vec<_> = self.parked.keys().copied().collect();
        parked.into_iter().for_each(|handler| self.review(handler));
        self.has_working()
    }

    /// A handler was parked, or one of its waits has begun or ended.
    pub(super) fn review(&mut self, handler: DeliveryKey) {
        let Some(working) = &mut self.working else {
            return;
        };
        let parked = self.parked.get(&handler);
        if self.waits.contains_key(&handler)
            || parked.is_none_or(|parked| !parked.elsewhere.is_empty())
        {
            working.remove(handler);
        } else {
            working.add_unless_expecting(handler, &self.replies);
        }
    }

    /// Removes the replies that are over, if there are many more than the last time.
    pub(super) fn remove_old_replies(&mut self) -> Vec<(usize, ReplyEntry)> {
        if self.replies.len() < self.many_replies.max(FEW_REPLIES) {
            return Vec::new();
        }
        let over = self
            .replies
            .extract_if(|_, entry| !entry.reply.is_open())
            .collect();
        self.many_replies = self.replies.len() * 2;
        if let Some(working) = &mut self.working {
            working.set_expected(&self.replies);
        }
        over
    }

    /// The replies that may still arrive, by the deliveries that expect them.
    pub(super) fn open_replies(&self) -> HashMap<DeliveryKey, Vec<&ReplyEntry>> {
        let mut replies: HashMap<_, Vec<_>> = HashMap::new();
        for entry in self.replies.values() {
            if entry.reply.is_open() {
                replies.entry(entry.of).or_default().push(entry);
            }
        }
        replies
    }

    /// Whether a roll was called that modules ahead have to answer too, and no verdict was given on it.
    pub(super) fn is_wide_roll_open(&self) -> bool {
        self.roll > 0 && self.roll_ahead == self.roll && !self.is_roll_spent
    }

    pub(super) fn call_roll(&mut self) -> Called {
        self.roll = next_roll();
        self.is_roll_spent = false;
        self.moves_before_roll = self.moves;
        let replies = self.replies.values().map(|entry| Arc::clone(&entry.reply));
        let queued = self.queued.values().filter_map(|entry| entry.waker.clone());
        Called {
            streams: self.streams(|_| true),
            replies: replies.collect(),
            queued: queued.collect(),
            elsewhere: self.elsewhere(),
        }
    }

    /// How many deliveries are known that do nothing now: of those that are not parked, how many are in these
    /// mailboxes is looked up.
    pub(super) fn count_known(&self, unit: usize, mailboxes: &[Arc<dyn HeldMailbox>]) -> u64 {
        let taken = self.held.values().map(|held| held.taken).sum::<u64>();
        let waiting = mailboxes.iter().map(|mailbox| mailbox.count_of(unit));
        let queued = self.queued.values().filter(|entry| !entry.is_polled);
        let queued = queued.map(|entry| entry.count).sum::<u64>();
        self.parked.len() as u64 + taken + waiting.sum::<u64>() + queued
    }

    /// The mailboxes of the modules whose handlers are parked.
    pub(super) fn held_mailboxes(&self) -> Vec<Arc<dyn HeldMailbox>> {
        let held = self.held.values();
        held.filter_map(|held| held.mailbox.upgrade()).collect()
    }

    /// Whether a handler is parked in the module of this number.
    pub(super) fn is_held(&self, module: u64) -> bool {
        self.held.values().any(|held| held.number == module)
    }

    /// Returns the numbers of the modules that are to handle messages and have no parked handler.
    pub(super) fn modules_not_held(&self) -> HashSet<u64> {
        let replies = self.replies.values().filter(|entry| entry.reply.is_open());
        let replies = replies.map(|entry| entry.module);
        let queued = self.queued.values().filter_map(|entry| match entry.behind {
            Queued::Mailbox(module) => Some(module),
            Queued::Place(_) | Queued::Abandoned(_) | Queued::Event(_) | Queued::Line(_) => None,
        });
        let mut modules: HashSet<_> = replies.chain(queued).collect();
        for held in self.held.values() {
            modules.remove(&held.number);
        }
        modules
    }

    /// What parked handlers wait for in other units of work.
    pub(super) fn elsewhere(&self) -> Vec<Arc<dyn WaitElsewhere>> {
        let parked = self.parked.values();
        let waits = parked.flat_map(|parked| parked.elsewhere.iter());
        waits.cloned().collect()
    }

    /// The streams at which deliveries wait.
    pub(super) fn stuck(&self) -> Stuck {
        Stuck {
            for_items: self.streams(|wait| matches!(wait, WaitKind::Item(_))),
            for_room: self.streams(|wait| matches!(wait, WaitKind::Room(_))),
        }
    }

    /// The streams of these waits, by their addresses.
    fn streams(
        &self,
        is_wanted: impl Fn(&WaitKind) -> bool,
    ) -> HashMap<usize, Arc<dyn AnyChannel>> {
        let waits = self.waits.values().flatten();
        let streams = waits.filter(|wait| is_wanted(&wait.kind));
        let streams = streams.filter_map(WaitEntry::stream);
        streams
            .map(|stream| (Arc::as_ptr(stream).addr(), Arc::clone(stream)))
            .collect()
    }
}

/// Whom a roll call wakes, outside of the lock.
pub(super) struct Called {
    streams: HashMap<usize, Arc<dyn AnyChannel>>,
    replies: Vec<Arc<dyn PendingReply>>,
    queued: Vec<Waker>,
    elsewhere: Vec<Arc<dyn WaitElsewhere>>,
}

impl Called {
    pub(super) fn wake(self) {
        self.streams.values().for_each(|stream| stream.notify());
        self.replies.iter().for_each(|reply| reply.wake());
        self.queued.into_iter().for_each(Waker::wake);
        self.elsewhere.iter().for_each(|wait| wait.wake());
    }
}
