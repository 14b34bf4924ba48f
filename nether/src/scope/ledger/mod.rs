//! [`Ledger`]: what the deliveries of a unit of work wait for, so that closing can distinguish a delivery
//! that works from one that waits for what will never come.
//!
//! A wait is registered by the future that waits, and a handler is *parked* from the end of each poll to the
//! beginning of the next. Before closing concludes that all deliveries wait, it calls the roll: it wakes
//! every future that is registered, and only those that their handlers still poll answer. So a handler that
//! works on while it holds a future that it does not poll is not taken for one that waits.
//!
//! Futures register while their unit of work closes, because before that there is no need. Those that wait
//! for a reply from a mailbox register at once: closing could not find them later. Its interleavings are
//! tried out in `tests/models`.

mod elsewhere;
mod entries;
mod look;
mod outside;
mod state;
mod stuck;
mod working;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::task::Waker;

pub(crate) use self::elsewhere::{
    BlockerWait, Blockers, ModuleAhead, WaitElsewhere, last_roll, next_roll,
};
use self::entries::{ParkedHandler, QueuedEntry, ReplyEntry, WaitEntry};
pub(crate) use self::look::Look;
use self::state::LedgerState;
use crate::channel::AnyChannel;
use crate::sync::{Mutex, lock};

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

    /// How many messages of that unit of work the module has, and has not begun to handle. Those that it has
    /// taken from the mailbox count only while its handler waits.
    fn count_behind_handler(&self, unit: usize) -> u64;

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
    /// In a module whose handlers run concurrently: of which places it has one, if it has.
    Shared {
        place_in: Option<SharedPlaces>,
        /// Which messages wait until it ends; 0 for none.
        line: u64,
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
    /// The first delivery of the event of this number that is queued.
    Event(u64),
    /// The end of the handler that goes before, of those that are handled one at a time.
    Line(u64),
}

/// The places of a shared module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SharedPlaces {
    /// The number that distinguishes the module from others.
    pub(crate) module: u64,
    /// How many there are.
    pub(crate) count: usize,
}

/// What the deliveries of one unit of work wait for.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<LedgerState>);

/// What becomes of the deliveries in flight.
pub(crate) enum Finding {
    /// A handler works.
    Busy,
    /// No handler works that is known, but some may go on by themselves.
    GoOn,
    /// One of those that have answered the roll call goes on by itself.
    GoesOn,
    /// Nothing is known to have changed since the last verdict.
    AsBefore,
    /// All seem to wait; the roll was called, and not all have answered yet.
    RollCalled,
    /// All wait, for one another or at a stream.
    Stuck(Stuck),
    /// All wait, some of them only for senders outside of handlers, which wait for room and do not poll: they
    /// did not answer the roll call of this number.
    Unpolled(u64),
}

/// Streams at which deliveries wait, by their addresses, when all of them wait.
#[derive(Default)]
pub(crate) struct Stuck {
    pub(crate) for_items: HashMap<usize, Arc<dyn AnyChannel>>,
    pub(crate) for_room: HashMap<usize, Arc<dyn AnyChannel>>,
}

/// Messages that waited for room and are not in flight any more.
pub(crate) struct TakenBack {
    /// How many deliveries they stood for.
    pub(crate) count: u64,
    wakers: Vec<Waker>,
}

impl TakenBack {
    /// Wakes their senders, which get an error when they poll.
    pub(crate) fn wake(self) {
        self.wakers.into_iter().for_each(Waker::wake);
    }
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
        state.expect(address, entry);
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
        state.review(of);
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
        let Some(waits) = state.waits.get_mut(&of) else {
            return;
        };
        let place = waits.iter().position(|wait| wait.id == id);
        let over = place.map(|place| waits.swap_remove(place));
        if waits.is_empty() {
            state.waits.remove(&of);
        }
        state.review(of);
        drop(state);
        drop(over); // It may hold the last handle to a stream.
    }

    /// A handler is not polled, until [`unpark`](Ledger::unpark).
    pub(crate) fn park(
        &self,
        handler: DeliveryKey,
        message: &'static str,
        (module, elsewhere): (ParkedIn, Vec<Arc<dyn WaitElsewhere>>),
    ) {
        let mut state = lock(&self.0);
        let (place_in, line, module) = match module {
            ParkedIn::Task => (None, 0, None),
            ParkedIn::Shared { place_in, line } => (place_in, line, None),
            ParkedIn::Exclusive(module) => (None, 0, Some(module)),
        };
        let parked = ParkedHandler {
            message,
            roll: state.roll,
            place_in,
            line,
            elsewhere,
        };
        let before = state.parked.insert(handler, parked);
        debug_assert!(before.is_none(), "it was unparked when it was polled");
        if let Some(module) = module {
            state.held.insert(handler, module);
        }
        state.review(handler);
    }

    /// A handler is polled, or is over.
    pub(crate) fn unpark(&self, handler: DeliveryKey) {
        let mut state = lock(&self.0);
        let over = state.parked.remove(&handler);
        state.held.remove(&handler);
        state.review(handler);
        drop(state);
        drop(over); // What it waits for elsewhere is the user's.
    }

    /// Registers `count` deliveries that wait without a handler; gives what [`leave`](Ledger::leave) knows
    /// them by.
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
            answered: state.roll,
        };
        state.queued.insert(id, entry);
        id
    }

    /// The future of what waits without a handler is polled from now on, or was polled and waits on, with
    /// this waker. Returns whether it still waits: it may have been [taken back](Ledger::take_back).
    pub(crate) fn poll_queued(&self, id: u64, waker: Option<Waker>) -> bool {
        let mut state = lock(&self.0);
        let roll = state.roll;
        let Some(entry) = state.queued.get_mut(&id) else {
            return false;
        };
        entry.is_polled = waker.is_none();
        entry.answered = roll;
        let old = match waker {
            Some(waker) => entry.waker.replace(waker),
            None => None,
        };
        drop(state);
        drop(old); // What a waker holds is the user's.
        true
    }

    /// Takes the messages back that wait for room and have answered neither the roll call of this number nor
    /// a later one.
    pub(crate) fn take_back(&self, roll: u64) -> TakenBack {
        let mut state = lock(&self.0);
        state.moves += 1;
        let taken = state
            .queued
            .extract_if(|_, entry| entry.is_unpolled(roll))
            .map(|(_, entry)| (entry.count, entry.waker));
        let (counts, wakers): (Vec<u64>, Vec<_>) = taken.unzip();
        TakenBack {
            count: counts.iter().sum(),
            wakers: wakers.into_iter().flatten().collect(),
        }
    }

    /// Removes what no longer waits without a handler.
    pub(crate) fn leave(&self, id: u64) {
        let mut state = lock(&self.0);
        state.moves += 1;
        let over = state.queued.remove(&id);
        drop(state);
        drop(over); // What a waker holds is the user's.
    }

    /// Wakes every future that is registered.
    pub(crate) fn call_roll(&self) {
        let called = lock(&self.0).call_roll();
        called.wake();
    }

    /// How many waits and deliveries the last look went through; 0 if it did not have to.
    pub(crate) fn examined(&self) -> usize {
        lock(&self.0).examined
    }
}

impl Ledger {
    /// What each parked handler waits for, in words.
    pub(crate) fn describe(&self) -> Vec<String> {
        let state = lock(&self.0);
        let mut waits = Vec::new();
        let replies = state.open_replies();
        for (key, handler) in &state.parked {
            let message = handler.message;
            for wait in state.waits.get(key).into_iter().flatten() {
                waits.push(format!("`{message}` waits for {}", wait.kind.words()));
            }
            for entry in replies.get(key).into_iter().flatten() {
                waits.push(format!(
                    "`{message}` waits for the reply to message {}",
                    entry.sequence
                ));
            }
            for wait in handler.elsewhere.iter().filter(|wait| wait.is_open()) {
                waits.push(format!("`{message}` waits for {}", wait.words()));
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
