//! [`Node`]: the wait-for graph. There is no graph as such: each module knows what it waits for, under a lock
//! of its own. A wait is over once its reply cell is no longer open, which whoever replies sees to before it
//! takes its next message; nobody else need tell. Its interleavings are tried out, all of them, in
//! `tests/models`.

use std::fmt;
use std::sync::Arc;

use crate::declaration::Declaration;
use crate::envelope::ExpectedReply;
use crate::error::{Deadlock, WaitEdge};
use crate::sync::{Mutex, lock, refusing};

/// An exclusive module, and what it waits for.
pub(crate) struct Node {
    module: &'static Declaration,
    /// Those that are over are taken out when there is no room for the next.
    waits: Mutex<Vec<Wait>>,
}

/// That a module waits for the reply to a message.
#[derive(Clone)]
pub(crate) struct Wait {
    pub(crate) message: &'static str,
    pub(crate) handler: Arc<Node>,
    pub(crate) reply: Arc<dyn ExpectedReply>,
}

impl Wait {
    fn is_over(&self) -> bool {
        !self.reply.is_open()
    }
}

/// The fewest waits that there is room for.
const FEW: usize = 4;

/// Takes out those that are over. This looks at all of them, so it is done when they fill their vector, which
/// then gets room for twice as many as are left: each wait that is put in pays for a look at two.
fn forget_over(waits: &mut Vec<Wait>) {
    waits.retain(|wait| !wait.is_over());
    let room = (2 * waits.len()).max(FEW);
    waits.shrink_to(room);
    waits.reserve_exact(room - waits.len());
}

impl Node {
    pub(crate) fn new(module: &'static Declaration) -> Arc<Self> {
        Arc::new(Node {
            module,
            waits: Mutex::new(Vec::new()),
        })
    }

    /// The module waits for nothing any more. To be called when it is gone, since two may know of each other.
    pub(crate) fn forget(&self) {
        drop(std::mem::take(&mut *lock(&self.waits)));
    }

    /// What the module waits for.
    pub(crate) fn waits(&self) -> Vec<WaitEdge> {
        self.open().iter().map(|wait| self.edge(wait)).collect()
    }

    fn open(&self) -> Vec<Wait> {
        let waits = lock(&self.waits);
        waits
            .iter()
            .filter(|wait| !wait.is_over())
            .cloned()
            .collect()
    }

    fn edge(&self, wait: &Wait) -> WaitEdge {
        WaitEdge {
            module: self.module.name,
            message: wait.message,
            handler: wait.handler.module.name,
        }
    }

    /// The module waits for this from now on.
    ///
    /// Waits are put in before the circle is looked for: of those that close one together, the last one sees
    /// all others.
    ///
    /// # Errors
    /// If it would wait for ever; then nobody expects the reply any more.
    pub(crate) fn add(self: &Arc<Self>, wait: Wait) -> Result<(), Deadlock> {
        {
            let mut waits = lock(&self.waits);
            if waits.len() == waits.capacity() {
                forget_over(&mut waits);
            }
            waits.push(wait.clone());
        }
        loop {
            let mut path = vec![wait.clone()];
            if !self.find_path(&mut Vec::new(), &mut path) {
                return Ok(());
            }
            // What was seen one after the other may never have been there together; but what is there still
            // when all has been seen, was.
            let _refusing = lock(refusing());
            if !path.iter().any(Wait::is_over) {
                wait.reply.close();
                return Err(self.deadlock(&path));
            }
        }
    }

    /// Whether the last module of the path waits for this one, itself or through others; the path then says
    /// how.
    fn find_path(self: &Arc<Self>, seen: &mut Vec<*const Node>, path: &mut Vec<Wait>) -> bool {
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
            if self.find_path(seen, path) {
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
        let cycle = waiters.zip(path).map(|(waiter, wait)| waiter.edge(wait));
        Deadlock {
            cycle: cycle.collect(),
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("module", &self.module.name)
            .finish_non_exhaustive()
    }
}
