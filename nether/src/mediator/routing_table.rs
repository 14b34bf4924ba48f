//! [`RoutingTable`]: where every message goes, also while that changes.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use crate::mediator::handlers::Handlers;
use crate::sync::lock;

/// The current table of a system, and what makes the next one.
pub(crate) struct RoutingTable {
    current: ArcSwap<Table>,
    /// The table of those who are to keep none; never the current one.
    none: Arc<Table>,
    /// The number of the current table, so that the holder of a table can see at the price of a load that it
    /// still holds.
    version: AtomicU64,
    /// Held while the next table is made.
    changing: Mutex<()>,
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
    pub(crate) handlers: Handlers,
    /// The subscribers of `system.subscribe::<E>()`, if there are any.
    pub(crate) subscription: Option<Arc<dyn Subscribers>>,
}

/// The subscribers of one event, of a type that `context` knows.
pub(crate) trait Subscribers: Any + Send + Sync {
    /// They get nothing more.
    fn end(&self);
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

impl RoutingTable {
    /// A table of `rows` message types that lead nowhere yet.
    pub(super) fn new(rows: usize) -> Self {
        let table = Table {
            version: 0,
            rows: vec![Arc::default(); rows].into(),
        };
        let none = Table {
            version: u64::MAX,
            rows: Box::default(),
        };
        RoutingTable {
            current: ArcSwap::from_pointee(table),
            none: Arc::new(none),
            version: AtomicU64::new(0),
            changing: Mutex::default(),
        }
    }

    /// The current table, to keep for a while: it keeps all that it leads to.
    pub(crate) fn table(&self) -> Arc<Table> {
        self.current.load_full()
    }

    /// What to keep instead for as long as a module lives: its holder reads the current table each time.
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
        let current;
        let table = if kept.version == self.version.load(Ordering::Acquire) {
            kept
        } else {
            current = self.current.load();
            &**current
        };
        read(table.row(slot))
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

    /// Ends the subscriptions of the rows, and those of the `onlookers`, who are asked for while no next
    /// table is made.
    pub(super) fn end_subscriptions<'a>(
        &self,
        onlookers: impl FnOnce() -> Option<&'a Arc<dyn Subscribers>>,
    ) {
        let _changing = lock(&self.changing);
        let table = self.current.load();
        let subscriptions = table
            .rows
            .iter()
            .filter_map(|row| row.subscription.as_ref());
        subscriptions
            .chain(onlookers())
            .for_each(|subscription| subscription.end());
    }

    /// The number of the current table.
    #[cfg(feature = "http")]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Whether the type has a row.
    pub(crate) fn knows(&self, slot: usize) -> bool {
        self.current.load().row(slot).is_some()
    }
}

impl fmt::Debug for RoutingTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoutingTable")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
