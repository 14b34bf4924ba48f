//! [`Patience`]: how long closing waits for what only outsiders could move on.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::channel::AnyChannel;
use crate::instants::later;
use crate::scope::ledger::Stuck;

/// How long closing waits while all that is left waits for outsiders. It runs only then, and is whole again
/// when an item moves in a stream at which deliveries have waited: not when they only look again, as a
/// consumer with a heartbeat does.
pub(super) struct Patience {
    whole: Duration,
    /// What was left when it began to run.
    left: Duration,
    /// When it began to run, if it does.
    began: Option<Instant>,
    /// The streams at which deliveries have waited since it was whole, by their addresses, and how far each
    /// had moved.
    streams: HashMap<usize, (Weak<dyn AnyChannel>, u64)>,
}

impl Patience {
    pub(super) fn new(whole: Duration) -> Self {
        Patience {
            whole,
            left: whole,
            began: None,
            streams: HashMap::new(),
        }
    }

    /// Everything waits, at these streams. Returns whether the patience has run out.
    pub(super) fn run(&mut self, stuck: &Stuck) -> bool {
        if self.has_moved() {
            self.restore();
        }
        for (address, stream) in stuck.for_items.iter().chain(&stuck.for_room) {
            let known = self.streams.entry(*address);
            known.or_insert_with(|| (Arc::downgrade(stream), stream.moves()));
        }
        let began = *self.began.get_or_insert_with(Instant::now);
        began.elapsed() >= self.left
    }

    /// Something does not wait.
    pub(super) fn pause(&mut self) {
        if let Some(began) = self.began.take() {
            self.left = self.left.saturating_sub(began.elapsed());
        }
    }

    /// It ran out, but not everything had waited until then: it is whole again.
    pub(super) fn restore_if_over(&mut self) {
        if self.left.is_zero() {
            self.restore();
        }
    }

    /// It is whole again, and does not run.
    pub(super) fn restore(&mut self) {
        self.left = self.whole;
        self.began = None;
        self.streams.clear();
    }

    /// When it runs out, if it runs.
    pub(super) fn end(&self) -> Option<Instant> {
        self.began.map(|began| later(began, self.left))
    }

    /// Whether an item has moved, or a stream has ended or is gone.
    fn has_moved(&self) -> bool {
        self.streams.values().any(|(stream, moves)| {
            let stream = stream.upgrade();
            stream.is_none_or(|stream| stream.moves() != *moves)
        })
    }
}
