//! Who waits for whom. An exclusive module that waits for the reply of another handles nothing meanwhile, so
//! a circle of them would wait for ever: a deadlock, found in the wait-for graph (R. C. Holt, "Some deadlock
//! properties of computer systems", 1972) by the call that closes it.
//!
//! The graph is in `graph`; here is who is in it: a module in whose task a call is made.

mod graph;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use crate::declaration::Declaration;
use crate::envelope::ExpectedReply;
use crate::error::{Deadlock, WaitEdge};
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

/// An exclusive module that may wait for others.
#[derive(Debug)]
pub(crate) struct Waiter {
    number: u64,
    node: Arc<Node>,
}

impl Waiter {
    pub(crate) fn new(module: &'static Declaration) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let waiter = Arc::new(Waiter {
            number,
            node: Node::new(module),
        });
        lock(part(number)).insert(number, Arc::downgrade(&waiter));
        waiter
    }

    /// Runs the module's task.
    pub(crate) async fn run<T>(self: Arc<Self>, task: impl Future<Output = T>) -> T {
        let mut task = pin!(task);
        poll_fn(|cx| {
            let _entered = Entered(THIS.replace(self.number));
            task.as_mut().poll(cx)
        })
        .await
    }

    /// What is kept of its number where there is no room for more. Two modules may share it, after four
    /// thousand million others.
    pub(crate) fn short_number(&self) -> u32 {
        self.number as u32
    }

    /// Whether the current task is this module's.
    pub(crate) fn is_this(&self) -> bool {
        THIS.get() == self.number
    }

    /// What the module waits for.
    pub(crate) fn waits(&self) -> Vec<WaitEdge> {
        self.node.waits()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        lock(part(self.number)).remove(&self.number);
        self.node.forget();
    }
}

/// Guard that marks which module's task is being polled; restores the previous mark when dropped.
struct Entered(u64);

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        THIS.set(self.0);
    }
}

/// The [short number](Waiter::short_number) of the exclusive module in whose task this runs; 0 if there is
/// none.
pub(crate) fn number_of_current() -> u32 {
    THIS.get() as u32
}

/// Registers that the module in whose task this runs, if there is one, waits for the reply to a message. The
/// wait ends when the reply arrives or is no longer expected.
///
/// # Errors
/// If the module would wait for ever.
#[inline]
pub(crate) fn wait(
    message: &'static str,
    handler: &Arc<Waiter>,
    reply: impl FnOnce() -> Arc<dyn ExpectedReply>,
) -> Result<(), Deadlock> {
    match THIS.get() {
        0 => Ok(()),
        number => wait_inside(number, message, handler, reply()),
    }
}

#[cold]
fn wait_inside(
    number: u64,
    message: &'static str,
    handler: &Arc<Waiter>,
    reply: Arc<dyn ExpectedReply>,
) -> Result<(), Deadlock> {
    let this = lock(part(number)).get(&number).and_then(Weak::upgrade);
    let handler = Arc::clone(&handler.node);
    this.map_or(Ok(()), |this| {
        this.node.add(Wait {
            message,
            handler,
            reply,
        })
    })
}
