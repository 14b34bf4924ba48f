//! [`Pace`]: when an exclusive module lets others have the thread, and when it goes to sleep.

use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};

/// After how many messages in a row a module looks at the clock. One that has run for longer than [`TURN`]
/// lets others have the thread.
const LOOK: u32 = 64;

/// How long a module that never runs out of work, and never waits, keeps its thread from others.
const TURN: Duration = Duration::from_micros(100);

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
    /// Messages since it looked at the clock.
    messages: u32,
    /// Since when it has had the thread, as far as is known.
    since: Option<Instant>,
    /// Whether there is no other thread that could send meanwhile.
    is_alone: bool,
    gathers: u32,
    visits: u32,
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
            messages: 0,
            since: None,
            is_alone: Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread,
            gathers: 0,
            visits: 0,
        }
    }

    /// Counts a message, and says whether it is somebody else's turn, which begins then.
    #[inline]
    pub(super) fn end_turn_if_due(&mut self) -> bool {
        self.messages += 1;
        if self.messages < LOOK {
            return false;
        }
        self.messages = 0;
        self.end_turn_if_late()
    }

    fn end_turn_if_late(&mut self) -> bool {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let is_late = now - since >= TURN;
        if is_late {
            self.since = None;
        }
        is_late
    }

    /// It took so many messages, or slept if none. After a single one there are mostly no more. Those
    /// `who_wait` for replies send the next when they have them: there is nothing to gather, but the module
    /// had better come after all of them.
    #[inline]
    pub(super) fn took(&mut self, messages: usize, who_wait: bool) {
        (self.gathers, self.visits) = match messages {
            _ if self.is_alone => (0, 0),
            0 | 1 => (0, 0),
            _ if who_wait => (0, 1),
            2..WORTHWHILE => (GATHERS, VISITS),
            _ => (0, VISITS),
        };
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
            self.since = None;
            IdleStep::Sleep
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GATHERS, IdleStep, Pace, VISITS, WORTHWHILE};

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
}
