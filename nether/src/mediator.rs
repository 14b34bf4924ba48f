//! Layer 2: the mediator, the one inversion point. Contexts read it to find where a message goes; `system` fills it.
//!
//! It is a table with a row per message type, indexed by the type's slot: no hashing, no lock. What a row leads to is
//! kept as [`Any`] and known again by `route`, which is a layer above and knows the types.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::declaration::Declaration;

/// The number of a running module value: no two in a process have the same, also not in different systems.
pub(crate) type InstanceId = u64;

/// A number for a module value.
pub(crate) fn number_instance() -> InstanceId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Something of a type that `route` knows.
pub(crate) type Erased = Arc<dyn Any + Send + Sync>;

/// The routing table of one system, and what every context of it must know.
pub(crate) struct Mediator {
    rows: Box<[ArcSwap<Row>]>,
    /// The longest chain of causes that is accepted.
    pub(crate) max_depth: u32,
    /// Whether the system is stopping.
    pub(crate) stopping: Arc<Stopping>,
}

/// Whether a system is stopping; known to its contexts and to its modules.
#[derive(Debug, Default)]
pub(crate) struct Stopping {
    /// Set once: new root work is refused from then on.
    begun: AtomicBool,
    /// Set once: every module has stopped.
    ended: AtomicBool,
    /// Told by `begin`, and by modules that ran out of work since.
    changed: Notify,
}

impl Stopping {
    /// Refuses new root work from now on.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Waits until the system begins to stop.
    pub(crate) async fn begun(&self) {
        self.until(|| self.has_begun()).await;
    }

    /// Says that every module has stopped.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Whether every module has stopped, so that nothing will be published any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Whether new root work is refused.
    #[inline]
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// Called by a module that ran out of work. Costs a load unless the system is stopping.
    #[inline]
    pub(crate) fn tell_quiet(&self) {
        if self.has_begun() {
            self.changed.notify_waiters();
        }
    }

    /// Waits until `is_so`, which is asked again when the system begins to stop and whenever a module runs out of work.
    pub(crate) async fn until(&self, is_so: impl Fn() -> bool) {
        loop {
            let told = self.changed.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            if is_so() {
                return;
            }
            told.await;
        }
    }
}

/// Where messages of one type go.
#[derive(Clone, Default)]
pub(crate) struct Row {
    /// The modules that handle it: at most one for a command or query.
    pub(crate) handlers: Vec<Handler>,
    /// The sender of `system.subscribe::<E>()`, once somebody subscribed.
    pub(crate) subscription: Option<Erased>,
}

/// One module that handles the messages of a row.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) instance: InstanceId,
    pub(crate) module: &'static Declaration,
    pub(crate) route: Erased,
}

impl Mediator {
    /// A mediator for `rows` message types.
    pub(crate) fn new(rows: usize, max_depth: u32) -> Self {
        Mediator {
            rows: (0..rows).map(|_| ArcSwap::default()).collect(),
            max_depth,
            stopping: Arc::default(),
        }
    }

    /// Lets `read` look at a row. `None` when the type is not in the registry.
    #[inline]
    pub(crate) fn read<T>(&self, slot: usize, read: impl FnOnce(Option<&Arc<Row>>) -> T) -> T {
        match self.rows.get(slot) {
            Some(row) => read(Some(&row.load())),
            None => read(None),
        }
    }

    /// Changes a row. `change` may run several times if others change the same row.
    pub(crate) fn change(&self, slot: usize, mut change: impl FnMut(&mut Row)) {
        if let Some(row) = self.rows.get(slot) {
            row.rcu(|row| {
                let mut row = Row::clone(row);
                change(&mut row);
                row
            });
        }
    }

    /// Whether the type has a row.
    pub(crate) fn knows(&self, slot: usize) -> bool {
        slot < self.rows.len()
    }
}

impl fmt::Debug for Mediator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mediator")
            .field("rows", &self.rows.len())
            .field("stopping", &self.stopping)
            .finish()
    }
}
