//! [`TurnLine`]: those who wait for a turn, of which there is one at a time, as a node of the wait-for graph:
//! a message that waits in it waits for the one that has the turn, whichever that is.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;

use crate::declaration::Declaration;
use crate::envelope::ExpectedReply;
use crate::error::Deadlock;
use crate::scope::{PendingReply, Scope, last_roll};
use crate::sync::{Mutex, lock};
use crate::waiting::node::{Node, Wait};
use crate::waiting::polled::PolledWait;
use crate::waiting::{
    DELIVERY, InPlaceQueue, KeyText, ModuleWait, PlaceQueue, Waiter, current, inner, of, this,
};

/// What the message of a wait is called that is for the end of the handler that has the turn.
const TURN: &str = "the message before it";

/// Those who wait for one thing. It is there only while a message waits.
#[derive(Debug)]
pub(crate) struct TurnLine {
    module: &'static Declaration,
    waiter: Arc<Waiter>,
    queue: Arc<PlaceQueue>,
    held: Mutex<Option<HeldLine>>,
}

/// A delivery that has a turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TurnHolder {
    /// The number of the waiter in whose task its handler is polled; 0 if none is known.
    number: u64,
    /// Its address, if that is the task of another; or 0. What else is polled in that task waits on its own.
    address: usize,
}

impl TurnHolder {
    /// The delivery that is being polled, if its task has waited for something.
    pub(crate) fn known_current() -> Self {
        match current() {
            0 | DELIVERY => TurnHolder::default(),
            number => TurnHolder {
                number,
                address: inner::innermost(),
            },
        }
    }

    /// Whether it is known.
    pub(crate) fn is_known(self) -> bool {
        self.number != 0
    }
}

/// The turn, and who has it.
#[derive(Debug)]
struct HeldLine {
    holder: TurnHolder,
    node: Arc<Node>,
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
    /// The line of a key of this module.
    pub(crate) fn new(module: &'static Declaration, key: Weak<dyn KeyText>) -> Arc<Self> {
        let waiter = Waiter::of_line(module, key);
        Arc::new(TurnLine {
            module,
            queue: PlaceQueue::of(&waiter),
            waiter,
            held: Mutex::default(),
        })
    }

    /// Registers that a message of the unit of work waits, for the `close` of that.
    pub(crate) fn enter(&self, scope: &Scope) -> InPlaceQueue {
        self.queue.enter(scope)
    }

    /// This delivery has the turn, and waits.
    pub(crate) fn held_by(&self, holder: TurnHolder) {
        let Some(waiter) = of(holder.number) else {
            return self.released();
        };
        let mut held = lock(&self.held);
        if held.as_ref().is_some_and(|held| held.holder == holder) {
            return;
        }
        let node = match holder.address {
            0 => Arc::clone(&waiter.node),
            address => waiter.node.inner(address, self.module),
        };
        let hold = Arc::<Hold>::default();
        let before = held.replace(HeldLine {
            holder,
            node: Arc::clone(&node),
            hold: Arc::clone(&hold),
        });
        if let Some(before) = before {
            before.hold.close();
        }
        drop(self.waiter.node.push(&Wait {
            message: TURN,
            handler: node,
            reply: hold,
            unit: 0,
            parents: Vec::new(),
            is_known: true,
            began: last_roll(),
            inner: Vec::new(),
        }));
    }

    /// Looks whether the delivery that has the turn, as just became known, is in a circle that has no way
    /// out.
    pub(crate) fn look_at_holder(&self) {
        let node = lock(&self.held).as_ref().map(|held| Arc::clone(&held.node));
        if let Some(node) = node {
            node.look_again(1);
        }
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
    /// has the turn is being polled too, `held_here` is the address of its delivery: the message waits for
    /// that one, which waits for the message.
    ///
    /// # Errors
    /// If it would wait for ever.
    pub(crate) fn begin(
        message: &'static str,
        scope: &Scope,
        line: &TurnLine,
        held_here: Option<usize>,
    ) -> Result<Self, Deadlock> {
        let Some(this) = this() else {
            return Ok(TurnWait {
                number: 0,
                wait: None,
            });
        };
        if let Some(address) = held_here {
            // In another task, which is polled within that one, it is all the same to whom the task belongs.
            let is_inner = inner::current().iter().any(|it| it.address == address);
            line.held_by(TurnHolder {
                number: this.number,
                address: if is_inner { address } else { 0 },
            });
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
