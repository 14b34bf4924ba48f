//! Layer 4: who waits for whom. An exclusive module that waits for the reply of another handles nothing meanwhile, so a circle
//! of them would wait for ever: a deadlock, found in the wait-for graph (R. C. Holt, "Some deadlock properties of computer
//! systems", 1972) by the call that closes it.
//!
//! There is no graph as such: each module knows what it waits for, under a lock of its own. A wait is over once its reply cell
//! is no longer open, which whoever replies sees to before it takes its next message; nobody else need tell.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::declaration::Declaration;
use crate::envelope::Expected;
use crate::error::{Deadlock, Waits};
use crate::sync::lock;

thread_local! {
    /// The number of the exclusive module whose task is being polled, or 0: what its handlers await, it waits for, itself or
    /// through shared modules that run in its task; what they spawn is not. A number alone, since every turn of a module sets it:
    /// what has to be dropped (also `tokio::task_local`) costs twenty times as much.
    static THIS: Cell<u64> = const { Cell::new(0) };
}

/// The exclusive modules of the process, to be found by their numbers, in several parts so that they are not in each other's
/// way. Only those look that call from inside a module.
static WAITERS: [Mutex<BTreeMap<u64, Weak<Waiter>>>; 16] =
    [const { Mutex::new(BTreeMap::new()) }; 16];

/// The part of them that a number is in.
fn part(number: u64) -> &'static Mutex<BTreeMap<u64, Weak<Waiter>>> {
    &WAITERS[number as usize % WAITERS.len()]
}

/// Held while a call is refused, so that of two calls that close one circle together only one is.
static REFUSING: Mutex<()> = Mutex::new(());

/// An exclusive module, and what it waits for.
pub(crate) struct Waiter {
    number: u64,
    module: &'static Declaration,
    /// Those that are over are taken out when the next is put in.
    waits: Mutex<Vec<Wait>>,
}

/// That a module waits for the reply to a message.
#[derive(Clone)]
struct Wait {
    message: &'static str,
    handler: Arc<Waiter>,
    reply: Arc<dyn Expected>,
}

impl Wait {
    fn is_over(&self) -> bool {
        !self.reply.is_open()
    }
}

impl Waiter {
    pub(crate) fn new(module: &'static Declaration) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let waiter = Arc::new(Waiter {
            number,
            module,
            waits: Mutex::default(),
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

    /// The module waits for nothing any more. To be called when it is gone, since two may know of each other.
    pub(crate) fn forget(&self) {
        drop(std::mem::take(&mut *lock(&self.waits)));
    }

    /// Whether this is polled in the task of this module.
    pub(crate) fn is_this(&self) -> bool {
        THIS.get() == self.number
    }

    /// What the module waits for.
    pub(crate) fn waits(&self) -> Vec<Waits> {
        self.open().iter().map(|wait| self.told(wait)).collect()
    }

    fn open(&self) -> Vec<Wait> {
        let waits = lock(&self.waits);
        waits
            .iter()
            .filter(|wait| !wait.is_over())
            .cloned()
            .collect()
    }

    fn told(&self, wait: &Wait) -> Waits {
        Waits {
            module: self.module.name,
            message: wait.message,
            handler: wait.handler.module.name,
        }
    }

    /// Waits are put in before the circle is looked for: of those that close one together, the last one sees all others.
    fn add(self: &Arc<Self>, wait: Wait) -> Result<(), Deadlock> {
        {
            let mut waits = lock(&self.waits);
            waits.retain(|wait| !wait.is_over());
            waits.push(wait.clone());
        }
        loop {
            let mut path = vec![wait.clone()];
            if !self.is_reached(&mut Vec::new(), &mut path) {
                return Ok(());
            }
            // What was seen one after the other may never have been there together; but what is there still when all has been
            // seen, was.
            let _refusing = lock(&REFUSING);
            if !path.iter().any(Wait::is_over) {
                wait.reply.close();
                return Err(self.deadlock(&path));
            }
        }
    }

    /// Whether the last module of the path waits for this one, itself or through others; the path then says how.
    fn is_reached(self: &Arc<Self>, seen: &mut Vec<*const Waiter>, path: &mut Vec<Wait>) -> bool {
        let Some(last) = path.last().map(|wait| Arc::clone(&wait.handler)) else {
            return false;
        };
        if Arc::ptr_eq(&last, self) {
            return true;
        }
        if seen.contains(&Arc::as_ptr(&last)) {
            return false;
        }
        seen.push(Arc::as_ptr(&last));
        for wait in last.open() {
            path.push(wait);
            if self.is_reached(seen, path) {
                return true;
            }
            path.pop();
        }
        false
    }

    #[cold]
    fn deadlock(&self, path: &[Wait]) -> Deadlock {
        let handlers = path.iter().map(|wait| &*wait.handler);
        let waiters = std::iter::once(self).chain(handlers);
        let cycle = waiters.zip(path).map(|(waiter, wait)| waiter.told(wait));
        Deadlock {
            cycle: cycle.collect(),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        lock(part(self.number)).remove(&self.number);
    }
}

/// That the task of a module is being polled, until dropped. This is what was polled before.
struct Entered(u64);

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        THIS.set(self.0);
    }
}

/// The module in whose task this is, if it is one's, waits for the reply to a message from now on, until the reply is there or
/// nobody expects it any more.
///
/// # Errors
/// If it would wait for ever.
#[inline]
pub(crate) fn wait(
    message: &'static str,
    handler: &Arc<Waiter>,
    reply: impl FnOnce() -> Arc<dyn Expected>,
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
    reply: Arc<dyn Expected>,
) -> Result<(), Deadlock> {
    let this = lock(part(number)).get(&number).and_then(Weak::upgrade);
    let handler = Arc::clone(handler);
    this.map_or(Ok(()), |this| {
        this.add(Wait {
            message,
            handler,
            reply,
        })
    })
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter")
            .field("module", &self.module.name)
            .field("waits", &self.waits())
            .finish()
    }
}
