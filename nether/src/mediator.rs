//! The mediator, the one inversion point. Contexts read it to find where a message goes; `system` fills it.
//!
//! It is a table with a row per message type, indexed by the type's slot: no hashing, no lock. A table never
//! changes: a change makes the next one. Every unit of work keeps the table of when it was opened, and reads
//! it without touching anything that other threads write, for as long as its number is the current one. What
//! a row leads to is kept as [`Any`] and known again by `route`, which is a layer above and knows the types.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::chance::Chance;
use crate::declaration::Declaration;
use crate::latency::Latencies;
use crate::limit::Limit;
use crate::recorder::Recorder;
use crate::sync::lock;
use crate::tasks::Tasks;
use crate::watch::Watch;

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
    current: ArcSwap<Table>,
    /// The table of those who are to keep none; never the current one.
    none: Arc<Table>,
    /// The number of the current table, so that whoever has a table can tell at the price of a load that it
    /// still holds.
    version: AtomicU64,
    /// Held while the next table is made.
    changing: Mutex<()>,
    /// The longest chain of causes that is accepted.
    pub(crate) max_depth: u32,
    /// How many messages may be in flight, if that is bounded.
    pub(crate) limit: Option<Box<Limit>>,
    /// The runtime in which the system was started. What a context begins runs there, whatever thread it is
    /// on.
    pub(crate) runtime: tokio::runtime::Handle,
    /// Whether the system is stopping.
    pub(crate) stopping: Arc<Stopping>,
    /// Those who called `system.subscribe_any()`, if anybody did.
    pub(crate) onlookers: OnceLock<Arc<dyn Subscribers>>,
    /// What holds messages that wait.
    mailboxes: Mutex<Vec<Weak<dyn HoldsMessages>>>,
    /// What runs besides modules.
    pub(crate) tasks: Tasks,
    /// Whether somebody looks after handlers that take long.
    pub(crate) watch: Watch,
    /// How long handlers take.
    pub(crate) latencies: Latencies,
    /// What is drawn, in a test.
    pub(crate) chance: Chance,
    /// What a test has seen.
    pub(crate) recorder: Recorder,
}

/// What a system was told before it started.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) max_depth: u32,
    pub(crate) max_in_flight: Option<usize>,
    pub(crate) chance: Chance,
    pub(crate) recorder: Recorder,
    pub(crate) runtime: tokio::runtime::Handle,
}

/// Whether a system is stopping; known to its contexts and to its modules.
#[derive(Debug, Default)]
pub(crate) struct Stopping {
    /// Set once: new work from outside is refused from then on.
    begun: AtomicBool,
    /// Set once: every module has stopped.
    ended: AtomicBool,
    /// Set once: a module that the system cannot do without is gone.
    demanded: AtomicBool,
    /// Whether modules that run out of work have to say so: set by `begin`, and by whoever waits for it.
    is_asked: AtomicBool,
    /// Told by `begin`, and by modules that ran out of work.
    changed: Notify,
}

impl Stopping {
    /// Refuses new work from outside from now on.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::SeqCst);
        self.is_asked.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Waits until the system begins to stop.
    pub(crate) async fn begun(&self) {
        self.until(|| self.has_begun()).await;
    }

    /// Asks for the system to stop.
    pub(crate) fn demand(&self) {
        self.demanded.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Waits until that is asked for, or the system stops anyway. Says whether it is asked for.
    pub(crate) async fn demanded(&self) -> bool {
        let is_demanded = || self.demanded.load(Ordering::SeqCst);
        self.until(|| is_demanded() || self.has_begun()).await;
        is_demanded()
    }

    /// Says that every module has stopped.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Whether every module has stopped, so that nothing will be published any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Whether new work from outside is refused.
    #[inline]
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// Lets modules say when they run out of work.
    #[cfg(feature = "test")]
    pub(crate) fn ask_quiet(&self) {
        self.is_asked.store(true, Ordering::SeqCst);
    }

    /// Called by a module that ran out of work. Costs a load unless somebody waits for that.
    #[inline]
    pub(crate) fn notify_quiet(&self) {
        if self.is_asked.load(Ordering::SeqCst) {
            self.changed.notify_waiters();
        }
    }

    /// Waits until `is_so`, which is asked again when the system begins to stop and whenever a module runs
    /// out of work.
    pub(crate) async fn until(&self, is_so: impl Fn() -> bool) {
        loop {
            let notified = self.changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if is_so() {
                return;
            }
            notified.await;
        }
    }
}

/// Where every message goes, at one time.
#[derive(Clone)]
pub(crate) struct Table {
    version: u64,
    rows: Box<[Arc<Row>]>,
}

/// Where messages of one type go.
#[derive(Clone, Default)]
pub(crate) struct Row {
    /// The modules that handle it: at most one for a command or query.
    pub(crate) handlers: Vec<Handler>,
    /// Those who called `system.subscribe::<E>()`, if anybody did.
    pub(crate) subscription: Option<Arc<dyn Subscribers>>,
}

/// The subscribers of one event, of a type that `context` knows.
pub(crate) trait Subscribers: Any + Send + Sync {
    /// They get nothing more.
    fn end(&self);
}

/// A mailbox, as those see it who cancel a unit of work.
pub(crate) trait HoldsMessages: Send + Sync {
    /// Makes dead letters of what waits here of the scope at this address, which is cancelled, and wakes the
    /// senders that wait for room.
    fn forget(&self, scope: usize);
}

/// One module that handles the messages of a row.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) instance: InstanceId,
    pub(crate) module: &'static Declaration,
    pub(crate) route: Erased,
}

impl Table {
    /// The row of a message type. `None` when the type is not in the registry.
    #[inline]
    pub(crate) fn row(&self, slot: usize) -> Option<&Arc<Row>> {
        self.rows.get(slot)
    }

    /// The row, to change it.
    pub(crate) fn row_mut(&mut self, slot: usize) -> Option<&mut Row> {
        self.rows.get_mut(slot).map(Arc::make_mut)
    }
}

impl Mediator {
    /// A mediator for `rows` message types.
    pub(crate) fn new(rows: usize, settings: Settings) -> Self {
        let Settings {
            max_depth,
            max_in_flight,
            chance,
            recorder,
            runtime,
        } = settings;
        let table = Table {
            version: 0,
            rows: vec![Arc::default(); rows].into(),
        };
        let none = Table {
            version: u64::MAX,
            rows: Box::default(),
        };
        Mediator {
            current: ArcSwap::from_pointee(table),
            none: Arc::new(none),
            version: AtomicU64::new(0),
            changing: Mutex::default(),
            max_depth,
            limit: max_in_flight.map(|bound| Box::new(Limit::new(bound))),
            runtime,
            stopping: Arc::default(),
            onlookers: OnceLock::new(),
            mailboxes: Mutex::default(),
            tasks: Tasks::default(),
            watch: Watch::default(),
            latencies: Latencies::default(),
            chance,
            recorder,
        }
    }

    /// The current table, to keep for a while: it keeps all that it leads to.
    pub(crate) fn table(&self) -> Arc<Table> {
        self.current.load_full()
    }

    /// What to keep instead for as long as a module lives: whoever has it reads the current table each time.
    pub(crate) fn no_table(&self) -> Arc<Table> {
        Arc::clone(&self.none)
    }

    /// Lets `read` look at a row, through the table that the caller keeps if that is the current one. `None`
    /// when the type is not in the registry.
    #[inline]
    pub(crate) fn read<T>(
        &self,
        kept: &Table,
        slot: usize,
        read: impl FnOnce(Option<&Arc<Row>>) -> T,
    ) -> T {
        if kept.version == self.version.load(Ordering::Acquire) {
            read(kept.row(slot))
        } else {
            read(self.current.load().row(slot))
        }
    }

    /// Makes the next table, with all that `change` does to this one.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        let _changing = lock(&self.changing);
        let mut next = Table::clone(&self.current.load());
        let changed = change(&mut next);
        next.version += 1;
        let version = next.version;
        self.current.store(Arc::new(next));
        self.version.store(version, Ordering::Release);
        changed
    }

    /// Adds a mailbox, for as long as it is there.
    pub(crate) fn add_mailbox(&self, mailbox: Weak<dyn HoldsMessages>) {
        let mut mailboxes = lock(&self.mailboxes);
        mailboxes.retain(|mailbox| mailbox.strong_count() > 0);
        mailboxes.push(mailbox);
    }

    /// Makes dead letters of all that waits of the scope at this address, which is cancelled.
    pub(crate) fn forget(&self, scope: usize) {
        let mailboxes = lock(&self.mailboxes).clone();
        let there = mailboxes.iter().filter_map(Weak::upgrade);
        there.for_each(|mailbox| mailbox.forget(scope));
    }

    /// Ends the subscriptions of the system. There will be no more: `stopping` has ended.
    pub(crate) fn end_subscriptions(&self) {
        let _changing = lock(&self.changing);
        let table = self.current.load();
        let subscriptions = table
            .rows
            .iter()
            .filter_map(|row| row.subscription.as_ref());
        subscriptions
            .chain(self.onlookers.get())
            .for_each(|subscription| subscription.end());
    }

    /// Whether the type has a row.
    pub(crate) fn knows(&self, slot: usize) -> bool {
        self.current.load().row(slot).is_some()
    }
}

impl fmt::Debug for Mediator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mediator")
            .field("changes", &self.version)
            .field("stopping", &self.stopping)
            .finish_non_exhaustive()
    }
}
