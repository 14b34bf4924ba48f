//! The work with things, written once for all contestants.

use std::time::{Duration, Instant};

use crate::runtime::Flavour;
use crate::things::{Figures, handled};

/// How long a handler waits.
pub(super) const WAIT: Duration = Duration::from_millis(10);

/// What a thing has: a name of 15 characters and three numbers.
pub(super) struct State {
    pub(super) name: String,
    pub(super) sums: [u64; 3],
}

impl State {
    pub(super) fn of(id: u64) -> Self {
        State {
            name: format!("{id:015}"),
            sums: [0; 3],
        }
    }

    /// What a handler does with a message.
    pub(super) fn hit(&mut self, amount: u64) {
        self.sums[0] += amount;
        self.sums[1] += self.name.len() as u64;
        self.sums[2] += 1;
        handled::count();
    }
}

/// A handle to many things.
pub(super) trait Contestant: Send + Sync + Sized + 'static {
    /// All things, or what makes them with their first message.
    fn start(flavour: Flavour, things: usize) -> impl Future<Output = Self> + Send;

    /// Hands a number over to a thing. Returns when it is accepted.
    fn hit(&self, id: u64, amount: u64) -> impl Future<Output = ()> + Send;

    /// Hands a message over to a thing whose handler waits for [`WAIT`].
    fn wait(&self, id: u64) -> impl Future<Output = ()> + Send;
}

/// So many messages are sent before all of them are waited for, so that memory is that of the things, and not
/// that of messages that wait.
const AT_ONCE: u64 = 100;

/// Five messages for each thing, in an order that looks like chance, after one for each.
pub(super) async fn hits<C: Contestant>(flavour: Flavour, things: usize) -> Figures {
    let before = memory();
    let all = C::start(flavour, things).await;
    let things = things as u64;
    for id in 0..things {
        all.hit(id, 1).await;
        if id % AT_ONCE == AT_ONCE - 1 {
            handled::reach(id + 1).await;
        }
    }
    handled::reach(things).await;
    let bytes = (memory() - before) as f64 / things as f64;
    let mut chance = 42_u64;
    let begun = Instant::now();
    for _ in 0..5 * things {
        all.hit(next(&mut chance) % things, 1).await;
    }
    handled::reach(6 * things).await;
    Figures {
        nanos: begun.elapsed().as_nanos() as f64 / (5 * things) as f64,
        bytes: Some(bytes),
    }
}

/// A message to each thing, all of whose handlers wait; nothing of them is there before.
pub(super) async fn waits<C: Contestant>(flavour: Flavour, things: usize) -> Figures {
    let all = C::start(flavour, things).await;
    let begun = Instant::now();
    for id in 0..things as u64 {
        all.wait(id).await;
    }
    handled::reach(things as u64).await;
    Figures {
        nanos: begun.elapsed().as_nanos() as f64,
        bytes: None,
    }
}

/// Numbers that look like chance (G. Marsaglia, "Xorshift RNGs", 2003).
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// The bytes of memory that the process has in use, as the operating system counts.
fn memory() -> i64 {
    let pages =
        std::fs::read_to_string("/proc/self/statm").expect("Linux says how large a process is");
    let resident = pages
        .split(' ')
        .nth(1)
        .and_then(|it| it.parse::<i64>().ok());
    resident.expect("the second number is the resident set") * 4096
}
