//! [`Ledger`]: what the deliveries of a unit of work wait for, so that closing can tell a delivery that works
//! from one that waits for what will never come.
//!
//! A wait is registered by the future that waits, and a handler is *parked* from the end of each poll to the
//! beginning of the next. Before closing concludes that all deliveries wait, it calls the roll: it wakes
//! every future that is registered, and only those that their handlers still poll answer. So a handler that
//! works on while it holds a future that it does not poll is not taken for one that waits.
//!
//! Futures register while their unit of work closes, since before that nobody asks. Those that wait for a
//! reply from a mailbox register at once: closing could not find them later. Its interleavings are tried out
//! in `tests/models`.

mod stuck;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::task::Waker;

use self::stuck::StuckSet;
use crate::channel::AnyChannel;
use crate::sync::{Mutex, lock};

/// How many replies are registered before those that are over are removed for the first time.
const FEW_REPLIES: usize = 32;

/// What a delivery is known by while its handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DeliveryKey {
    /// The number of its message.
    pub(crate) sequence: u64,
    /// The deliveries of one event share a number, but each has a context of its own: the address of that. 0
    /// for other messages.
    pub(crate) place: usize,
}

impl DeliveryKey {
    /// The delivery of a command or query.
    fn of_call(sequence: u64) -> Self {
        DeliveryKey { sequence, place: 0 }
    }
}

/// What a handler waits for, other than a reply from a mailbox.
#[derive(Clone)]
pub(crate) enum WaitKind {
    /// An item of the stream.
    Item(Arc<dyn AnyChannel>),
    /// Room in the stream.
    Room(Arc<dyn AnyChannel>),
    /// The end of the message of this number, or that it is accepted: a shared module handles it in the same
    /// task, or it is queued.
    Message(u64),
}

/// The reply to a message, whatever its type.
pub(crate) trait PendingReply: Send + Sync {
    /// Whether the caller expects it, and it may still arrive.
    fn is_open(&self) -> bool;

    /// Wakes the caller, so that it polls again.
    fn wake(&self);

    /// The caller gets no reply any more.
    fn close(&self);
}

/// The mailbox of an exclusive module.
pub(crate) trait HeldMailbox: Send + Sync {
    /// How many messages it holds of the unit of work that has this address.
    fn count_of(&self, unit: usize) -> u64;

    /// Whether the module has messages of that unit of work, or handles one of it or of one nested in it.
    fn holds(&self, unit: usize) -> bool;

    /// Whether a handler of the module waits that handles a message of that unit of work.
    fn handles(&self, unit: usize) -> bool;
}

/// An exclusive module whose handler is parked. The messages in its mailbox, and those it has taken from it,
/// wait too.
#[derive(Clone)]
pub(crate) struct HeldModule {
    /// The number of the module.
    pub(crate) number: u64,
    pub(crate) mailbox: Weak<dyn HeldMailbox>,
    /// How many messages of the unit of work it has taken and not begun.
    pub(crate) taken: u64,
}

/// Where a handler is parked.
pub(crate) enum ParkedIn {
    /// In no module: it is a spawned task.
    Task,
    /// In a shared module: which one, if it has a place there.
    Shared {
        place_in: Option<u64>,
    },
    Exclusive(HeldModule),
}

/// What something in flight waits for that has no handler of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Queued {
    /// Room in the mailbox of the exclusive module of this number.
    Mailbox(u64),
    /// A place in a shared module.
    Place(SharedPlaces),
    /// The end of the command of this number, which its caller has abandoned.
    Abandoned(u64),
}

/// The places of a shared module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SharedPlaces {
    /// What tells the module from others.
    pub(crate) module: u64,
    /// How many there are.
    pub(crate) count: usize,
}

/// What the deliveries of one unit of work wait for.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<LedgerState>);

#[derive(Default)]
struct LedgerState {
    /// What handlers wait for, other than replies from mailboxes.
    waits: HashMap<DeliveryKey, Vec<WaitEntry>>,
    /// The replies that handlers wait for, by their addresses.
    replies: HashMap<usize, ReplyEntry>,
    /// How many replies there are when those that are over are removed.
    many_replies: usize,
    /// The handlers that are not being polled.
    parked: HashMap<DeliveryKey, ParkedHandler>,
    /// The exclusive modules among them.
    held: HashMap<DeliveryKey, HeldModule>,
    queued: HashMap<u64, QueuedEntry>,
    next_id: u64,
    /// The number of the last roll call.
    roll: u64,
    /// How many waits had begun or ended before the last roll call.
    moves_before_roll: u64,
    /// How many waits have begun or ended.
    moves: u64,
    /// How many waits at streams have ended.
    ended_waits: u64,
}

struct QueuedEntry {
    /// The number of the message.
    sequence: u64,
    behind: Queued,
    /// How many deliveries it stands for.
    count: u64,
    /// Whether the future that waits is being polled, so that it may be accepted now.
    is_polled: bool,
    /// Wakes that future, if it has to answer.
    waker: Option<Waker>,
}

struct ParkedHandler {
    /// The name of the message.
    message: &'static str,
    /// The last roll call before it was parked.
    roll: u64,
    /// The shared module in which it has a place.
    place_in: Option<u64>,
}

struct WaitEntry {
    id: u64,
    kind: WaitKind,
    /// The last roll call that the future answered.
    answered: u64,
}

struct ReplyEntry {
    /// The delivery that waits for it.
    of: DeliveryKey,
    /// The number of the message.
    sequence: u64,
    /// The number of the exclusive module that handles the message.
    module: u64,
    reply: Arc<dyn PendingReply>,
    answered: u64,
}

/// What becomes of the deliveries in flight.
pub(crate) enum Finding {
    /// Some may go on by themselves.
    Busy,
    /// All seem to wait; the roll was called.
    RollCalled,
    /// All wait, for one another or at a stream.
    Stuck(Stuck),
}

/// Streams at which deliveries wait, when all of them wait.
pub(crate) struct Stuck {
    pub(crate) for_items: Vec<Arc<dyn AnyChannel>>,
    pub(crate) for_room: Vec<Arc<dyn AnyChannel>>,
    /// Another number if a wait at a stream has ended in between.
    pub(crate) ended_waits: u64,
}

impl Ledger {
    /// Registers that the delivery waits for the reply to the message with this number, from the exclusive
    /// module with this number.
    pub(crate) fn expect_reply(
        &self,
        of: DeliveryKey,
        (sequence, module): (u64, u64),
        reply: Arc<dyn PendingReply>,
    ) {
        let mut state = lock(&self.0);
        let over = state.remove_old_replies();
        state.moves += 1;
        let entry = ReplyEntry {
            of,
            sequence,
            module,
            answered: state.roll,
            reply,
        };
        let address = Arc::as_ptr(&entry.reply).cast::<()>().addr();
        state.replies.insert(address, entry);
        drop(state);
        drop(over); // What a reply holds is the user's.
    }

    /// The caller has polled for the reply at this address again.
    pub(crate) fn answer_reply(&self, reply: usize) {
        let mut state = lock(&self.0);
        let roll = state.roll;
        if let Some(entry) = state.replies.get_mut(&reply) {
            entry.answered = roll;
        }
    }

    /// Registers a wait; gives what [`answer`](Ledger::answer) and [`end`](Ledger::end) know it by.
    pub(crate) fn begin(&self, of: DeliveryKey, kind: WaitKind) -> u64 {
        let mut state = lock(&self.0);
        let id = state.number();
        let answered = state.roll;
        let entry = WaitEntry { id, kind, answered };
        state.waits.entry(of).or_default().push(entry);
        id
    }

    /// The future has polled for it again.
    pub(crate) fn answer(&self, of: DeliveryKey, id: u64) {
        let mut state = lock(&self.0);
        let roll = state.roll;
        let waits = state.waits.get_mut(&of).into_iter().flatten();
        for wait in waits.filter(|wait| wait.id == id) {
            wait.answered = roll;
        }
    }

    /// Removes a wait that is over.
    pub(crate) fn end(&self, of: DeliveryKey, id: u64) {
        let mut state = lock(&self.0);
        state.moves += 1;
        state.ended_waits += 1;
        let Some(waits) = state.waits.get_mut(&of) else {
            return;
        };
        let place = waits.iter().position(|wait| wait.id == id);
        let over = place.map(|place| waits.swap_remove(place));
        if waits.is_empty() {
            state.waits.remove(&of);
        }
        drop(state);
        drop(over); // It may hold the last handle to a stream.
    }

    /// A handler is not polled, until [`unpark`](Ledger::unpark).
    pub(crate) fn park(&self, handler: DeliveryKey, message: &'static str, module: ParkedIn) {
        let mut state = lock(&self.0);
        let (place_in, module) = match module {
            ParkedIn::Task => (None, None),
            ParkedIn::Shared { place_in } => (place_in, None),
            ParkedIn::Exclusive(module) => (None, Some(module)),
        };
        let parked = ParkedHandler {
            message,
            roll: state.roll,
            place_in,
        };
        state.parked.insert(handler, parked);
        if let Some(module) = module {
            state.held.insert(handler, module);
        }
    }

    /// A handler is polled, or is over.
    pub(crate) fn unpark(&self, handler: DeliveryKey) {
        let mut state = lock(&self.0);
        state.parked.remove(&handler);
        state.held.remove(&handler);
    }

    /// Registers `count` deliveries that wait without a handler; gives what [`leave`](Ledger::leave) knows them
    /// by.
    pub(crate) fn queue(
        &self,
        (sequence, behind): (u64, Queued),
        count: u64,
        waker: Option<Waker>,
    ) -> u64 {
        let mut state = lock(&self.0);
        let id = state.number();
        let entry = QueuedEntry {
            sequence,
            behind,
            count,
            is_polled: false,
            waker,
        };
        state.queued.insert(id, entry);
        id
    }

    /// The future of what waits without a handler is polled from now on, or was polled and waits on, with
    /// this waker.
    pub(crate) fn poll_queued(&self, id: u64, waker: Option<Waker>) {
        let mut state = lock(&self.0);
        if let Some(entry) = state.queued.get_mut(&id) {
            entry.is_polled = waker.is_none();
            entry.waker = waker.or(entry.waker.take());
        }
    }

    /// Removes what no longer waits without a handler.
    pub(crate) fn leave(&self, id: u64) {
        let mut state = lock(&self.0);
        state.moves += 1;
        state.queued.remove(&id);
    }

    /// Wakes every future that is registered.
    pub(crate) fn call_roll(&self) {
        let called = lock(&self.0).call_roll();
        called.wake();
    }

    /// Looks for a delivery, in the unit of work that has this address, that may go on by itself.
    ///
    /// While the lock is held no parked handler can continue, so the number of deliveries in flight, if it is
    /// the number of those that are known to wait, proves that there is no other. From then on nothing
    /// changes but by outsiders, and what is waited for can be looked at.
    pub(crate) fn look(&self, unit: usize, in_flight: impl FnOnce() -> u64) -> Finding {
        // Dropped after the lock is released: to drop a module runs user code.
        let mut mailboxes = Vec::new();
        let mut state = lock(&self.0);
        mailboxes.extend(
            state
                .held
                .values()
                .filter_map(|held| held.mailbox.upgrade()),
        );
        let in_flight = in_flight();
        let held = state.held.values().map(|held| held.taken).sum::<u64>();
        let waiting = mailboxes
            .iter()
            .map(|mailbox| mailbox.count_of(unit))
            .sum::<u64>();
        let queued = state.queued.values().filter(|entry| !entry.is_polled);
        let queued = queued.map(|entry| entry.count).sum::<u64>();
        let known = state.parked.len() as u64 + held + waiting + queued;
        if known != in_flight || !state.is_stuck(|_| true) {
            return Finding::Busy;
        }
        if state.moves_before_roll == state.moves && state.roll > 0 {
            let roll = state.roll;
            let is_present = state.parked.values().all(|parked| parked.roll == roll);
            if !is_present || !state.is_stuck(|answered| answered == roll) {
                return Finding::Busy;
            }
            return Finding::Stuck(state.streams());
        }
        let called = state.call_roll();
        drop(state);
        called.wake();
        Finding::RollCalled
    }
}

impl Ledger {
    /// What each parked handler waits for, in words.
    pub(crate) fn describe(&self) -> Vec<String> {
        let state = lock(&self.0);
        let mut waits = Vec::new();
        for (key, handler) in &state.parked {
            let message = handler.message;
            for wait in state.waits.get(key).into_iter().flatten() {
                waits.push(format!("`{message}` waits for {}", wait.kind.words()));
            }
            let replies = state.replies.values().filter(|entry| entry.of == *key);
            for entry in replies.filter(|entry| entry.reply.is_open()) {
                waits.push(format!(
                    "`{message}` waits for the reply to message {}",
                    entry.sequence
                ));
            }
        }
        waits
    }
}

impl WaitKind {
    fn words(&self) -> String {
        match self {
            WaitKind::Item(stream) => format!("an item of {}", stream.describe()),
            WaitKind::Room(stream) => format!("room in {}", stream.describe()),
            WaitKind::Message(sequence) => format!("the reply to message {sequence}"),
        }
    }
}

impl LedgerState {
    fn number(&mut self) -> u64 {
        self.moves += 1;
        self.next_id += 1;
        self.next_id
    }

    /// Removes the replies that are over, if there are many more than the last time.
    fn remove_old_replies(&mut self) -> Vec<(usize, ReplyEntry)> {
        if self.replies.len() < self.many_replies.max(FEW_REPLIES) {
            return Vec::new();
        }
        let over = self
            .replies
            .extract_if(|_, entry| !entry.reply.is_open())
            .collect();
        self.many_replies = self.replies.len() * 2;
        over
    }

    fn call_roll(&mut self) -> Called {
        self.roll += 1;
        self.moves_before_roll = self.moves;
        let streams = self.waits.values().flatten().filter_map(WaitEntry::stream);
        let replies = self.replies.values().map(|entry| Arc::clone(&entry.reply));
        let queued = self.queued.values().filter_map(|entry| entry.waker.clone());
        Called {
            streams: streams.cloned().collect(),
            replies: replies.collect(),
            queued: queued.collect(),
        }
    }

    /// Whether everything that is known waits for a stream, or for something else that does. A handler with
    /// several waits waits if all of them do. Only those count that have `answered` so.
    ///
    /// The waiting deliveries are the least fixpoint: those that only wait for each other, in a circle, are
    /// not among them, for no stream that ends would help them.
    fn is_stuck(&self, answered: impl Fn(u64) -> bool) -> bool {
        let mut replies: HashMap<DeliveryKey, Vec<&ReplyEntry>> = HashMap::new();
        for entry in self.replies.values() {
            if answered(entry.answered) && entry.reply.is_open() {
                replies.entry(entry.of).or_default().push(entry);
            }
        }
        let handlers: HashMap<u64, DeliveryKey> = self
            .held
            .iter()
            .map(|(key, held)| (held.number, *key))
            .collect();
        let mut stuck = StuckSet {
            handlers: &handlers,
            parked: &self.parked,
            queued: &self.queued,
            known: HashSet::new(),
        };
        loop {
            let before = stuck.known.len();
            for key in self.parked.keys() {
                let waits = self.waits.get(key).into_iter().flatten();
                let waits = waits.filter(|wait| answered(wait.answered));
                let replies = replies.get(key).into_iter().flatten();
                let mut ends = waits
                    .map(|wait| stuck.has_wait(&wait.kind))
                    .chain(replies.map(|entry| stuck.has_callee(entry)))
                    .peekable();
                if ends.peek().is_some() && ends.all(|is_stuck| is_stuck) {
                    stuck.known.insert(*key);
                }
            }
            if stuck.known.len() == before {
                break;
            }
        }
        let is_behind = |entry: &QueuedEntry| stuck.has_queued(entry.behind);
        stuck.known.len() == self.parked.len() && self.queued.values().all(is_behind)
    }

    fn streams(&self) -> Stuck {
        let mut stuck = Stuck {
            for_items: Vec::new(),
            for_room: Vec::new(),
            ended_waits: self.ended_waits,
        };
        for wait in self.waits.values().flatten() {
            match &wait.kind {
                WaitKind::Item(stream) => stuck.for_items.push(Arc::clone(stream)),
                WaitKind::Room(stream) => stuck.for_room.push(Arc::clone(stream)),
                WaitKind::Message(_) => {}
            }
        }
        stuck
    }
}

/// Whom a roll call wakes, outside of the lock.
struct Called {
    streams: Vec<Arc<dyn AnyChannel>>,
    replies: Vec<Arc<dyn PendingReply>>,
    queued: Vec<Waker>,
}

impl Called {
    fn wake(self) {
        self.streams.iter().for_each(|stream| stream.notify());
        self.replies.iter().for_each(|reply| reply.wake());
        self.queued.into_iter().for_each(Waker::wake);
    }
}

impl WaitEntry {
    fn stream(&self) -> Option<&Arc<dyn AnyChannel>> {
        match &self.kind {
            WaitKind::Item(stream) | WaitKind::Room(stream) => Some(stream),
            WaitKind::Message(_) => None,
        }
    }
}
