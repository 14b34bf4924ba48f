//! [`Pace`]: when an exclusive module lets others have the thread, and when it goes to sleep.

use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};

/// How long a module that never runs out of work, and never waits, keeps its thread from others.
const TURN: Duration = Duration::from_micros(100);

/// After how many messages, at most, a module looks whether its [`TURN`] is over. To look at the clock takes
/// as long as a fast handler, so it is looked at seldom while handlers are fast. The number is odd: a module
/// that takes one message at a time uses its two backlogs in turn, and both are to be seen at a look.
const SELDOM: u32 = 63;

/// In a batch of so many messages the clock is looked at as it begins and after the first [`FIRST`] of them,
/// since it may be the first batch of slow ones.
const BATCH: usize = 16;

/// See [`BATCH`].
const FIRST: u32 = 4;

/// A handler that takes longer makes the module look at the clock after the next message, then after two, and
/// so on, until it does so seldom again. To look so often takes a small part of the time that the slow
/// handler took; and a fast one that looked slow, because the thread was interrupted, makes for few looks.
const SLOW: Duration = Duration::from_micros(20);

/// How many messages are worth a visit to the mailbox. Fewer, and senders on another thread and the module
/// mostly wait for each other's lock.
const WORTHWHILE: usize = 64;

/// How often a module then lets other tasks run before it visits the mailbox again: a microsecond or two, if
/// there are none.
const GATHERS: u32 = 16;

/// How often it finds nothing before it sleeps. To be woken on another thread costs its sender a system call,
/// which is worth more than a hundred messages.
const VISITS: u32 = 2;

/// The pace of one module.
pub(super) struct Pace {
    /// After how many more messages it looks at the clock.
    until_look: u32,
    /// How many messages lie between this look and the next.
    stride: u32,
    /// How many will after that one, if it finds none that was slow.
    next_stride: u32,
    /// As far as is known.
    turn: Option<Turn>,
    /// Whether there is no other thread that could send meanwhile.
    is_alone: bool,
    gathers: u32,
    visits: u32,
}

/// The time in which a module has the thread.
#[derive(Clone, Copy)]
struct Turn {
    since: Instant,
    /// When it looked at the clock last.
    looked: Instant,
}

impl Turn {
    fn begun(now: Instant) -> Self {
        Turn {
            since: now,
            looked: now,
        }
    }
}

/// What a module does that has no messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdleStep {
    /// It lets others run, and messages gather.
    Gather,
    /// It visits the mailbox, and lets others run if that is empty.
    Visit,
    /// It visits the mailbox, and sleeps if that is empty.
    Sleep,
}

impl Pace {
    pub(super) fn new() -> Self {
        Pace {
            until_look: SELDOM,
            stride: SELDOM,
            next_stride: SELDOM,
            turn: None,
            is_alone: Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread,
            gathers: 0,
            visits: 0,
        }
    }

    /// Counts a message, and says whether it is time to [`look`](Pace::look).
    #[inline]
    pub(super) fn is_look_due(&mut self) -> bool {
        self.until_look -= 1;
        self.until_look == 0
    }

    /// Looks at the clock, and says whether the module's turn is over. If so,
    /// [`begin_turn`](Pace::begin_turn) is to be called once others had theirs.
    #[cold]
    pub(super) fn look(&mut self) -> bool {
        self.look_at(Instant::now())
    }

    fn look_at(&mut self, now: Instant) -> bool {
        let turn = self.turn.get_or_insert_with(|| Turn::begun(now));
        let passed = now - std::mem::replace(&mut turn.looked, now);
        let is_over = now - turn.since >= TURN;
        if passed >= SLOW * self.stride {
            self.next_stride = 1;
        }
        self.stride = self.next_stride;
        self.next_stride = (2 * self.stride).min(SELDOM);
        self.until_look = self.stride;
        is_over
    }

    /// The module has the thread again.
    pub(super) fn begin_turn(&mut self) {
        // Where handlers are slow, the first of them counts too.
        self.turn = (self.next_stride < SELDOM).then(|| Turn::begun(Instant::now()));
    }

    /// A batch may be the first of handlers that take long.
    fn begin_batch(&mut self, now: impl FnOnce() -> Instant) {
        self.turn.get_or_insert_with(|| Turn::begun(now()));
        if self.next_stride == SELDOM {
            (self.until_look, self.stride) = (FIRST, FIRST);
        }
    }

    /// It took so many messages, or slept if none. After a single one there are mostly no more. Those
    /// `who_wait` for replies send the next when they have them: there is nothing to gather, but the module
    /// had better come after all of them.
    #[inline]
    pub(super) fn took(&mut self, messages: usize, who_wait: bool) {
        (self.gathers, self.visits) = match messages {
            0 | 1 => (0, 0),
            _ => self.took_several(messages, who_wait),
        };
    }

    fn took_several(&mut self, messages: usize, who_wait: bool) -> (u32, u32) {
        if messages >= BATCH {
            self.begin_batch(Instant::now);
        }
        match messages {
            _ if self.is_alone => (0, 0),
            _ if who_wait => (0, 1),
            0..WORTHWHILE => (GATHERS, VISITS),
            _ => (0, VISITS),
        }
    }

    /// What it does now that it has none.
    #[inline]
    pub(super) fn rest(&mut self) -> IdleStep {
        if self.gathers > 0 {
            self.gathers -= 1;
            IdleStep::Gather
        } else if self.visits > 0 {
            self.visits -= 1;
            IdleStep::Visit
        } else {
            self.turn = None;
            IdleStep::Sleep
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{FIRST, GATHERS, IdleStep, Pace, SELDOM, TURN, VISITS, WORTHWHILE};

    /// Handles messages that take so long each, and says after how many of them its turn is over.
    fn messages_until_turn_is_over(pace: &mut Pace, now: &mut Instant, each: Duration) -> u32 {
        for messages in 1.. {
            *now += each;
            if pace.is_look_due() && pace.look_at(*now) {
                pace.begin_turn();
                return messages;
            }
        }
        unreachable!("there are more numbers than messages")
    }

    fn rests(mut pace: Pace, messages: usize, who_wait: bool) -> (u32, u32) {
        let (mut gathers, mut visits) = (0, 0);
        pace.took(messages, who_wait);
        loop {
            match pace.rest() {
                IdleStep::Gather => gathers += 1,
                IdleStep::Visit => visits += 1,
                IdleStep::Sleep => return (gathers, visits),
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn few_messages_are_let_gather_but_a_single_one_is_the_last() {
        assert_eq!(rests(Pace::new(), 2, false), (GATHERS, VISITS));
        assert_eq!(rests(Pace::new(), WORTHWHILE, false), (0, VISITS));
        assert_eq!(rests(Pace::new(), 1, false), (0, 0));
        assert_eq!(rests(Pace::new(), 0, false), (0, 0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn callers_come_once_they_have_their_replies() {
        assert_eq!(rests(Pace::new(), 2, true), (0, 1));
        assert_eq!(rests(Pace::new(), 1, true), (0, 0));
    }

    #[tokio::test]
    async fn on_the_only_thread_nothing_gathers() {
        assert_eq!(rests(Pace::new(), 2, false), (0, 0));
    }

    #[tokio::test]
    async fn slow_handlers_end_a_turn_after_the_first_look_and_then_after_each() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        pace.begin_batch(|| now);
        let slow = Duration::from_millis(5);
        let mut next = || messages_until_turn_is_over(&mut pace, &mut now, slow);
        assert_eq!(next(), FIRST);
        assert_eq!([next(), next(), next()], [1, 1, 1]);
    }

    #[tokio::test]
    async fn slow_handlers_after_fast_ones_are_noticed_at_the_next_look() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        pace.begin_batch(|| now);
        for _ in 0..1000 {
            assert!(!(pace.is_look_due() && pace.look_at(now)));
        }
        let slow = Duration::from_millis(5);
        assert!(messages_until_turn_is_over(&mut pace, &mut now, slow) <= SELDOM);
        assert_eq!(messages_until_turn_is_over(&mut pace, &mut now, slow), 1);
    }

    #[tokio::test]
    async fn slow_handlers_among_fast_ones_end_a_turn_too() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        pace.begin_batch(|| now);
        for fast in [1, 3, 10] {
            let mut slow_since = 0;
            for message in 0..1000 {
                if message % (fast + 1) == 0 {
                    now += Duration::from_millis(5);
                    slow_since += 1;
                }
                if pace.is_look_due() && pace.look_at(now) {
                    pace.begin_turn();
                    slow_since = 0;
                }
                assert!(slow_since <= FIRST, "{slow_since} after {message}");
            }
        }
    }

    #[tokio::test]
    async fn the_clock_is_looked_at_seldom_again_once_handlers_are_fast() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        pace.begin_batch(|| now);
        messages_until_turn_is_over(&mut pace, &mut now, TURN);
        let mut looks = 0;
        for _ in 0..10 * SELDOM {
            if pace.is_look_due() {
                looks += 1;
                pace.look_at(now);
            }
        }
        assert!(looks <= 16, "{looks}");
    }
}
