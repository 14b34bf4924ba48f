//! Who waits for whom. An exclusive module that waits for the reply of another handles nothing meanwhile, so
//! a circle of them would wait for ever: a deadlock, found in the wait-for graph (R. C. Holt, "Some deadlock
//! properties of computer systems", 1972) by the call that closes it.
//!
//! The graph is in `graph`; here is who is in it: a module in whose task a call is made.

mod graph;
mod starting;

pub(crate) use self::starting::{StartWait, until_made};

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use crate::declaration::Declaration;
use crate::envelope::ExpectedReply;
use crate::error::{Deadlock, WaitEdge};
use crate::scope::{HeldMailbox, Scope};
use crate::sync::{Mutex, lock};
use crate::waiting::graph::{Node, Wait};

thread_local! {
    /// The number of the exclusive module whose task is being polled, or 0. The module waits for everything
    /// that its handlers await, directly or through shared modules that run in its task, but not for the
    /// tasks that they spawn. It is a plain number because every turn of a module sets it: a value that has
    /// to be dropped (a `tokio::task_local` too) costs twenty times as much.
    static THIS: Cell<u64> = const { Cell::new(0) };
}

/// The exclusive modules of the process, by their numbers, in several parts to avoid contention. Only calls
/// from inside a module look here.
static WAITERS: [Mutex<BTreeMap<u64, Weak<Waiter>>>; 16] =
    [const { Mutex::new(BTreeMap::new()) }; 16];

/// The part that holds a number.
fn part(number: u64) -> &'static Mutex<BTreeMap<u64, Weak<Waiter>>> {
    &WAITERS[number as usize % WAITERS.len()]
}

/// A module that may wait for others: an exclusive one in its handlers, a shared one while it starts.
#[derive(Debug)]
pub(crate) struct Waiter {
    number: u64,
    node: Arc<Node>,
    mailbox: OnceLock<Weak<dyn HeldMailbox>>,
}

impl Waiter {
    pub(crate) fn new(module: &'static Declaration) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let waiter = Arc::new(Waiter {
            number,
            node: Node::new(module, number),
            mailbox: OnceLock::new(),
        });
        lock(part(number)).insert(number, Arc::downgrade(&waiter));
        waiter
    }

    /// Says where its messages lie.
    pub(crate) fn set_mailbox(&self, mailbox: Weak<dyn HeldMailbox>) {
        self.mailbox.get_or_init(|| mailbox);
    }

    /// What is kept of its number where there is no room for more. Two modules may share it, after four
    /// thousand million others.
    pub(crate) fn short_number(&self) -> u32 {
        self.number as u32
    }

    /// Whether the current task is this module's, or the module waits for that one.
    pub(crate) fn waits_for_current(&self) -> bool {
        let current = THIS.get();
        current != 0 && (current == self.number || self.node.reaches(current))
    }

    /// The number of the module. No two modules of a process have the same; none has 0.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// What the module waits for.
    pub(crate) fn waits(&self) -> Vec<WaitEdge> {
        self.node.waits()
    }

    /// Called when a handler of the module was polled, and is not done; with whether the module has taken
    /// messages that wait behind it.
    #[inline]
    pub(crate) fn look_again(&self, has_taken: bool) {
        self.node.look_again(has_taken, &holders);
    }

    /// Whether the module has a message of the unit of work, or waits for something in it.
    fn holds(&self, unit: usize) -> bool {
        let mailbox = self.mailbox.get().and_then(Weak::upgrade);
        mailbox.is_some_and(|mailbox| mailbox.holds(unit)) || self.node.waits_within(unit)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        lock(part(self.number)).remove(&self.number);
        self.node.forget();
    }
}

/// The modules that hold messages of a unit of work.
fn holders(unit: usize) -> Vec<Arc<Node>> {
    let mut holders = Vec::new();
    for part in &WAITERS {
        // Dropped outside the lock: the last handle to a waiter takes it.
        let waiters: Vec<_> = lock(part).values().filter_map(Weak::upgrade).collect();
        let holding = waiters.iter().filter(|waiter| waiter.holds(unit));
        holders.extend(holding.map(|waiter| Arc::clone(&waiter.node)));
    }
    holders
}

/// Guard that marks which module's task is being polled; restores the previous mark when dropped.
struct Entered(u64);

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        THIS.set(self.0);
    }
}

/// Runs the task of the exclusive module that has this number; 0 for one of another kind.
pub(crate) async fn run<T>(module: u64, task: impl Future<Output = T>) -> T {
    let mut task = pin!(task);
    poll_fn(|cx| {
        let _entered = Entered(THIS.replace(module));
        task.as_mut().poll(cx)
    })
    .await
}

/// The number of the exclusive module whose task is being polled; 0 if there is none.
#[inline]
pub(crate) fn current() -> u64 {
    THIS.get()
}

/// The [short number](Waiter::short_number) of that module; 0 if there is none.
pub(crate) fn current_short() -> u32 {
    THIS.get() as u32
}

/// Does something as if outside of all modules.
pub(crate) fn outside<T>(act: impl FnOnce() -> T) -> T {
    let _entered = Entered(THIS.replace(0));
    act()
}

/// Registers that the module in whose task this runs, if there is one, waits for the reply to a message of a
/// unit of work. The wait ends when the reply arrives or is no longer expected.
///
/// # Errors
/// If the module would wait for ever.
#[inline]
pub(crate) fn wait(
    message: &'static str,
    scope: &Scope,
    handler: &Arc<Waiter>,
    reply: impl FnOnce() -> Arc<dyn ExpectedReply>,
) -> Result<(), Deadlock> {
    match THIS.get() {
        0 => Ok(()),
        number => wait_inside(number, message, scope, handler, reply()),
    }
}

#[cold]
fn wait_inside(
    number: u64,
    message: &'static str,
    scope: &Scope,
    handler: &Arc<Waiter>,
    reply: Arc<dyn ExpectedReply>,
) -> Result<(), Deadlock> {
    let Some(this) = of(number) else {
        return Ok(());
    };
    let wait = Wait {
        message,
        handler: Arc::clone(&handler.node),
        reply,
        unit: scope.address(),
        parents: scope.parents(),
    };
    this.node.add(wait, &holders)
}

/// The module of this number.
fn of(number: u64) -> Option<Arc<Waiter>> {
    lock(part(number)).get(&number).and_then(Weak::upgrade)
}

/// A module that closes a unit of work in one of its own handlers, until dropped.
pub(crate) struct ClosingModule {
    this: Arc<Waiter>,
}

impl ClosingModule {
    /// `None` outside of exclusive modules: nothing waits for who closes it there.
    #[inline]
    pub(crate) fn begin(scope: &Scope) -> Option<Self> {
        match THIS.get() {
            0 => None,
            number => ClosingModule::begin_inside(number, scope),
        }
    }

    #[cold]
    fn begin_inside(number: u64, scope: &Scope) -> Option<Self> {
        let this = of(number)?;
        this.node.begin_closing(scope.address());
        Some(ClosingModule { this })
    }

    /// The circle that keeps the unit of work from its end, if it waits for this module.
    pub(crate) fn deadlock(&self) -> Option<Deadlock> {
        self.this.node.deadlock(&holders, |_| ())
    }
}

impl Drop for ClosingModule {
    fn drop(&mut self) {
        self.this.node.end_closing();
    }
}
