//! [`TurnLine`]: those who wait for a turn, of which there is one at a time, as a node of the wait-for graph:
//! a message that waits in it waits for the one that has the turn, whichever that is.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;

use crate::declaration::Declaration;
use crate::envelope::ExpectedReply;
use crate::error::Deadlock;
use crate::scope::{PendingReply, Scope, last_roll};
use crate::sync::{Mutex, lock};
use crate::waiting::node::Wait;
use crate::waiting::polled::PolledWait;
use crate::waiting::{DELIVERY, InPlaceQueue, ModuleWait, PlaceQueue, Waiter, current, of, this};

/// What the message of a wait is called that is for the end of the handler that has the turn.
const TURN: &str = "the message before it";

/// Those who wait for one thing. It is there only while a message waits.
#[derive(Debug)]
pub(crate) struct TurnLine {
    waiter: Arc<Waiter>,
    queue: Arc<PlaceQueue>,
    held: Mutex<Option<TurnHolder>>,
}

/// The holder of the turn.
#[derive(Debug)]
struct TurnHolder {
    /// The number of the waiter in whose task its handler is polled.
    number: u64,
    hold: Arc<Hold>,
}

/// The turn of its holder, as a reply that is waited for.
#[derive(Debug, Default)]
struct Hold {
    is_over: AtomicBool,
    owner: AtomicU64,
}

impl PendingReply for Hold {
    fn is_open(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }

    /// No future polls for it.
    fn wake(&self) {}

    fn close(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

impl ExpectedReply for Hold {
    fn owner(&self) -> u64 {
        self.owner.load(Ordering::SeqCst)
    }

    fn set_owner(&self, waiter: u64) {
        self.owner.store(waiter, Ordering::SeqCst);
    }

    fn last_roll(&self) -> u64 {
        u64::MAX
    }

    /// The one that has the turn is refused what it waits for, and not this.
    fn refuse(&self, _: Deadlock) {}
}

impl TurnLine {
    /// The line of a thing of this module.
    pub(crate) fn new(module: &'static Declaration) -> Arc<Self> {
        let waiter = Waiter::new(module);
        Arc::new(TurnLine {
            queue: PlaceQueue::of(&waiter),
            waiter,
            held: Mutex::default(),
        })
    }

    /// Registers that a message of the unit of work waits, for the `close` of that.
    pub(crate) fn enter(&self, scope: &Scope) -> InPlaceQueue {
        self.queue.enter(scope)
    }

    /// The handler that has the turn runs in the task of this waiter, which waits.
    pub(crate) fn held_by(&self, number: u64) {
        let Some(holder) = of(number) else {
            return self.released();
        };
        let mut held = lock(&self.held);
        if held.as_ref().is_some_and(|held| held.number == number) {
            return;
        }
        let hold = Arc::<Hold>::default();
        let before = held.replace(TurnHolder {
            number,
            hold: Arc::clone(&hold),
        });
        if let Some(before) = before {
            before.hold.close();
        }
        drop(self.waiter.node.push(&Wait {
            message: TURN,
            handler: Arc::clone(&holder.node),
            reply: hold,
            unit: 0,
            parents: Vec::new(),
            is_known: true,
            began: last_roll(),
            inner: Vec::new(),
        }));
    }

    /// No message is known to have the turn, or that one waits for nothing.
    pub(crate) fn released(&self) {
        if let Some(held) = lock(&self.held).take() {
            held.hold.close();
        }
    }
}

impl Drop for TurnLine {
    fn drop(&mut self) {
        self.released();
    }
}

/// Looks whether this waiter, which just became known to have a turn, is in a circle that has no way out.
pub(crate) fn look_at_holder(number: u64) {
    if let Some(holder) = of(number) {
        holder.node.look_again(1);
    }
}

/// The number of the waiter whose task is being polled, if it has waited for something; or 0.
pub(crate) fn known_current() -> u64 {
    match current() {
        DELIVERY => 0,
        number => number,
    }
}

/// What tells this thread from others; not 0.
pub(crate) fn thread_mark() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static MARK: Cell<u64> = const { Cell::new(0) };
    }
    let mark = MARK.get();
    if mark != 0 {
        return mark;
    }
    let mark = NEXT.fetch_add(1, Ordering::Relaxed);
    MARK.set(mark);
    mark
}

/// The wait of a message for its turn, until dropped.
pub(crate) struct TurnWait {
    /// The number of the waiter in whose task it waits; or 0.
    number: u64,
    wait: Option<ModuleWait>,
}

impl TurnWait {
    /// Registers that a message of a unit of work waits in the task that is being polled. If the handler that
    /// has the turn is polled within the same task, the message waits for that one.
    ///
    /// # Errors
    /// If it would wait for ever.
    pub(crate) fn begin(
        message: &'static str,
        scope: &Scope,
        line: &TurnLine,
        is_held_here: bool,
    ) -> Result<Self, Deadlock> {
        let Some(this) = this() else {
            return Ok(TurnWait {
                number: 0,
                wait: None,
            });
        };
        if is_held_here {
            line.held_by(this.number);
        }
        let of = (message, scope.address(), scope.parents());
        let poll = Some(PolledWait::default());
        let wait = ModuleWait::within(&this, of, &line.waiter, poll)?;
        Ok(TurnWait {
            number: this.number,
            wait: Some(wait),
        })
    }

    /// Whether it is registered for the task that is being polled.
    pub(crate) fn is_of_current(&self) -> bool {
        self.number == current()
    }

    /// It was polled, and waits on.
    pub(crate) fn note_polled(&self, waker: &Waker) {
        if let Some(wait) = &self.wait {
            wait.note_polled(waker);
        }
    }

    /// The circle that the wait is in, if there is no way out of it.
    pub(crate) fn refused(&self) -> Option<Deadlock> {
        self.wait.as_ref()?.deadlock()
    }
}
