//! [`StuckSet`]: which deliveries wait for streams, directly or for others that do.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::entries::{ParkedHandler, QueuedEntry, ReplyEntry};
use super::outside::Outside;
use super::state::LedgerState;
use super::{BlockerWait, DeliveryKey, Queued, SharedPlaces, WaitElsewhere, WaitKind};

/// Which waits count.
#[derive(Clone, Copy)]
enum Witness {
    /// Any of them may be the one that its handler still polls.
    Any,
    /// Those that answered this roll call, and all of them.
    Answered(u64),
}

impl Witness {
    /// Whether a wait counts that answered this roll call last.
    fn counts(self, answered: u64) -> bool {
        match self {
            Witness::Any => true,
            Witness::Answered(roll) => answered >= roll,
        }
    }

    /// Returns whether the owner of these waits is stuck. Each item says whether that wait can no longer end
    /// by itself.
    fn are_stuck(self, waits: impl Iterator<Item = bool>) -> bool {
        let mut waits = waits.peekable();
        match self {
            Witness::Any => waits.any(|is_stuck| is_stuck),
            Witness::Answered(_) => waits.peek().is_some() && waits.all(|is_stuck| is_stuck),
        }
    }
}

/// What becomes of everything that is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitVerdict {
    /// Some of it may go on by itself.
    GoesOn,
    /// It waits for a stream, or for something else that does; but for messages that wait for room and whose
    /// senders do not poll.
    WaitsUnpolled,
    /// It waits for a stream, or for something else that does.
    Waits,
}

/// What may become of everything that is known: a handler counts as one that waits if one of its waits does,
/// for the others may be held and not polled any more.
pub(super) fn first_verdict(state: &LedgerState, outside: &Outside) -> WaitVerdict {
    StuckSet::judge(state, outside, Witness::Any)
}

/// What becomes of everything that is known. A handler waits if all its waits do that answered the last roll
/// call, and there are some.
pub(super) fn last_verdict(state: &LedgerState, outside: &Outside) -> WaitVerdict {
    StuckSet::judge(state, outside, Witness::Answered(state.roll))
}

/// The deliveries that are known to wait, while it is found out which do.
struct StuckSet<'a> {
    /// The handlers that are parked in exclusive modules, by the numbers of these.
    handlers: HashMap<u64, DeliveryKey>,
    parked: &'a HashMap<DeliveryKey, ParkedHandler>,
    outside: &'a Outside,
    witness: Witness,
    /// The queue entries, by the numbers of the messages.
    queued: HashMap<u64, Vec<Queued>>,
    known: HashSet<DeliveryKey>,
    /// How many of those that are known have places of each shared module.
    places: HashMap<SharedPlaces, usize>,
    /// The lines of those that are known: the messages in these wait for them.
    lines: HashSet<u64>,
}

impl StuckSet<'_> {
    /// The waiting deliveries are the least fixpoint: those that only wait for each other, in a circle, are
    /// not among them, for no stream that ends would help them.
    fn judge(state: &LedgerState, outside: &Outside, witness: Witness) -> WaitVerdict {
        let replies = state.open_replies();
        let counts = |answered: u64| witness.counts(answered);
        let mut stuck = StuckSet {
            handlers: state
                .held
                .iter()
                .map(|(key, held)| (held.number, *key))
                .collect(),
            parked: &state.parked,
            outside,
            witness,
            queued: by_message(state.queued.values()),
            known: HashSet::new(),
            places: HashMap::new(),
            lines: HashSet::new(),
        };
        let mut rest: Vec<_> = state.parked.keys().copied().collect();
        loop {
            let before = rest.len();
            rest.retain(|key| {
                let waits = state.waits.get(key).into_iter().flatten();
                let waits = waits.filter(|wait| counts(wait.answered));
                let replies = replies.get(key).into_iter().flatten();
                let replies = replies.filter(|entry| counts(entry.answered));
                let elsewhere = state.parked.get(key).into_iter();
                let elsewhere = elsewhere.flat_map(|parked| &parked.elsewhere);
                let elsewhere = elsewhere.filter(|wait| wait.is_open() && counts(wait.answered()));
                let ends = waits
                    .map(|wait| stuck.has_wait(&wait.kind))
                    .chain(replies.map(|entry| stuck.has_callee(entry)))
                    .chain(elsewhere.map(|wait| stuck.has_elsewhere(wait)));
                let is_stuck = witness.are_stuck(ends);
                if is_stuck {
                    stuck.add(*key);
                }
                !is_stuck
            });
            if rest.len() == before {
                break;
            }
        }
        let mut behind = outside.with_messages();
        if !rest.is_empty() || !behind.all(|module| stuck.has_module(module)) {
            return WaitVerdict::GoesOn;
        }
        let mut verdict = WaitVerdict::Waits;
        for entry in state.queued.values() {
            if stuck.has_queued(entry.behind) {
                continue;
            }
            let is_unpolled = match witness {
                Witness::Any => entry.has_sender(),
                Witness::Answered(roll) => entry.is_unpolled(roll),
            };
            if !is_unpolled {
                return WaitVerdict::GoesOn;
            }
            verdict = WaitVerdict::WaitsUnpolled;
        }
        verdict
    }

    fn add(&mut self, handler: DeliveryKey) {
        self.known.insert(handler);
        let Some(parked) = self.parked.get(&handler) else {
            return;
        };
        if let Some(of) = parked.place_in {
            *self.places.entry(of).or_default() += 1;
        }
        if parked.line != 0 {
            self.lines.insert(parked.line);
        }
    }

    fn has_wait(&self, wait: &WaitKind) -> bool {
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
        self.has_line_of(sequence)
    }

    /// Whether all that is queued of the message waits, and there is some.
    fn has_line_of(&self, sequence: u64) -> bool {
        let queued = self.queued.get(&sequence);
        queued.is_some_and(|queued| queued.iter().all(|behind| self.has_queued(*behind)))
    }

    /// Whether the message is handled by a delivery that waits, or lies in a mailbox behind one.
    fn has_callee(&self, reply: &ReplyEntry) -> bool {
        let callee = DeliveryKey::of_call(reply.sequence);
        if self.parked.contains_key(&callee) {
            return self.known.contains(&callee);
        }
        self.has_module(reply.module)
    }

    /// Whether the handler of the module waits, of whatever unit of work it is.
    fn has_module(&self, module: u64) -> bool {
        self.has_handler(module)
            || self
                .outside
                .ahead(module)
                .is_some_and(|ahead| self.is_blocked(module, &ahead.waits, &mut HashMap::new()))
    }

    /// Whether the module has a handler that waits.
    fn has_handler(&self, module: u64) -> bool {
        let handler = self.handlers.get(&module);
        handler.is_some_and(|key| self.known.contains(key))
    }

    /// Whether handlers that wait have all these places.
    fn has_places(&self, places: SharedPlaces) -> bool {
        let held = self.places.get(&places);
        held.is_some_and(|held| *held >= places.count)
    }

    /// Whether a module that waits keeps the wait from its end. What was not looked at yet may be over.
    fn has_elsewhere(&self, wait: &Arc<dyn WaitElsewhere>) -> bool {
        let blockers = self.outside.blockers(wait);
        blockers.is_some_and(|blockers| {
            let mut seen = HashMap::new();
            let mut modules = blockers.modules.iter();
            modules.any(|module| self.is_blocked(*module, &blockers.waits, &mut seen))
        })
    }

    /// Whether the module waits, or all do that it waits for in turn and polls for.
    fn is_blocked(
        &self,
        module: u64,
        waits: &HashMap<u64, Vec<BlockerWait>>,
        seen: &mut HashMap<u64, bool>,
    ) -> bool {
        if let Some(seen) = seen.get(&module) {
            return *seen;
        }
        // In a circle no delivery waits for a stream.
        seen.insert(module, false);
        let others = waits.get(&module).into_iter().flatten();
        let others = others.filter(|wait| self.witness.counts(wait.answered));
        let ends = others.map(|wait| {
            let mut others = wait.others.iter();
            others.any(|other| self.is_blocked(*other, waits, seen))
        });
        let mut places = self.places.keys();
        let has_all = |places: &SharedPlaces| places.module == module && self.has_places(*places);
        let is_blocked =
            self.has_handler(module) || places.any(has_all) || self.witness.are_stuck(ends);
        seen.insert(module, is_blocked);
        is_blocked
    }

    fn has_queued(&self, behind: Queued) -> bool {
        match behind {
            Queued::Mailbox(module) => self.has_module(module),
            Queued::Place(places) => self.has_places(places),
            Queued::Abandoned(sequence) => self.known.contains(&DeliveryKey::of_call(sequence)),
            Queued::Event(sequence) => self.has_line_of(sequence),
            Queued::Line(line) => self.lines.contains(&line),
        }
    }
}

/// Groups queue entries by the numbers of their messages; leaves out those that wait behind another delivery
/// of their event.
fn by_message<'a>(entries: impl Iterator<Item = &'a QueuedEntry>) -> HashMap<u64, Vec<Queued>> {
    let mut queued: HashMap<_, Vec<_>> = HashMap::new();
    for entry in entries {
        if !matches!(entry.behind, Queued::Event(_)) {
            queued.entry(entry.sequence).or_default().push(entry.behind);
        }
    }
    queued
}
