//! The mediator, the one inversion point. Contexts read it to find where a message goes; `system` fills it.
//!
//! It is a table with a row per message type, indexed by the type's slot: no hashing, no lock. A table never
//! changes: a change makes the next one. Every unit of work keeps the table of when it was opened, and reads
//! it without touching anything that other threads write, for as long as its number is the current one. What
//! a row leads to is kept as [`Any`](std::any::Any) and known again by `route`, which is a layer above and
//! knows the types.

mod delayed;
mod handlers;
mod mailboxes;
mod routing_table;
mod stopping;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;

pub(crate) use self::delayed::{DelayedMessage, LostName};
#[cfg(feature = "test")]
pub(crate) use self::handlers::Handlers;
pub(crate) use self::handlers::{Erased, Handler, InstanceId, number_instance};
pub(crate) use self::mailboxes::HoldsMessages;
pub(crate) use self::routing_table::{Row, Subscribers, Table};
pub(crate) use self::stopping::Stopping;

use self::delayed::DelayedMessages;
use self::mailboxes::Mailboxes;
use self::routing_table::RoutingTable;
use crate::chance::Chance;
use crate::latency::Latencies;
use crate::limit::Limit;
use crate::observers::Observers;
use crate::recorder::Recorder;
use crate::resources::Resources;
use crate::sync::lock;
use crate::tasks::Tasks;
use crate::trace::LinkDepth;
use crate::watch::Watch;

/// The routing table of one system, and what every context of it must know.
pub(crate) struct Mediator {
    /// Where messages go.
    pub(crate) routing: RoutingTable,
    /// The longest chain of causes that is accepted.
    pub(crate) max_depth: u32,
    /// From which depth on messages carry a link to their cause.
    pub(crate) links: LinkDepth,
    /// How many messages may be in flight, if that is bounded.
    pub(crate) limit: Option<Box<Limit>>,
    /// The runtime in which the system was started. What a context begins runs there, whatever thread it is
    /// on.
    pub(crate) runtime: tokio::runtime::Handle,
    /// Whether the system is stopping.
    pub(crate) stopping: Arc<Stopping>,
    /// The subscribers of `system.subscribe_any()`, if there are any.
    pub(crate) onlookers: OnceLock<Arc<dyn Subscribers>>,
    /// What holds messages that wait.
    mailboxes: Mutex<Mailboxes>,
    /// What runs besides modules.
    pub(crate) tasks: Tasks,
    /// What modules send later. Boxed: few programs use it with each message.
    pub(crate) delayed: Box<DelayedMessages>,
    /// Whether handlers that take long are looked for.
    pub(crate) watch: Watch,
    /// How long closing waits for outsiders, when all that is left waits at a stream.
    pub(crate) close_patience: Duration,
    /// After how long a handler is slow, and closing says what it waits for.
    pub(crate) slow_handler: Duration,
    /// The observers that want to know of every handler that runs.
    pub(crate) observers: Observers,
    /// How long handlers take.
    pub(crate) latencies: Latencies,
    /// The interceptors, if there are any, of a type that only `middleware` knows.
    pub(crate) interceptors: Option<Erased>,
    /// What the program provides, for modules and what stands around their handlers; until the system has
    /// stopped.
    pub(crate) resources: ArcSwap<Resources>,
    /// The source of chance, seeded in a test.
    pub(crate) chance: Chance,
    /// What a test has seen.
    pub(crate) recorder: Recorder,
}

/// The settings that a system had when it started.
pub(crate) struct Settings {
    pub(crate) max_depth: u32,
    pub(crate) max_in_flight: Option<usize>,
    pub(crate) close_patience: Duration,
    pub(crate) slow_handler: Duration,
    pub(crate) chance: Chance,
    pub(crate) recorder: Recorder,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) resources: Arc<Resources>,
    pub(crate) interceptors: Option<Erased>,
}

impl Mediator {
    /// A mediator for `rows` message types.
    pub(crate) fn new(rows: usize, settings: Settings) -> Self {
        let Settings {
            max_depth,
            max_in_flight,
            close_patience,
            slow_handler,
            chance,
            recorder,
            runtime,
            resources,
            interceptors,
        } = settings;
        let observers = Observers::default();
        if interceptors.is_some() {
            observers.add(Observers::INTERCEPTORS);
        }
        Mediator {
            routing: RoutingTable::new(rows),
            max_depth,
            links: LinkDepth::new(max_depth),
            limit: max_in_flight.map(|bound| Box::new(Limit::new(bound))),
            runtime,
            stopping: Arc::default(),
            onlookers: OnceLock::new(),
            mailboxes: Mutex::default(),
            tasks: Tasks::default(),
            delayed: Box::new(DelayedMessages::new()),
            watch: Watch::default(),
            close_patience,
            slow_handler,
            observers,
            latencies: Latencies::default(),
            interceptors,
            resources: ArcSwap::new(resources),
            chance,
            recorder,
        }
    }

    /// Adds a mailbox, for as long as it is there.
    pub(crate) fn add_mailbox(&self, mailbox: Weak<dyn HoldsMessages>) {
        lock(&self.mailboxes).add(mailbox);
    }

    /// Makes dead letters of all that waits of the scope at this address, which is cancelled.
    pub(crate) fn forget(&self, scope: usize) {
        let mailboxes = lock(&self.mailboxes).there();
        mailboxes.iter().for_each(|mailbox| mailbox.forget(scope));
    }

    /// Ends the subscriptions of the system. There will be no more: `stopping` has ended.
    pub(crate) fn end_subscriptions(&self) {
        self.routing.end_subscriptions(|| self.onlookers.get());
    }
}

impl fmt::Debug for Mediator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mediator")
            .field("routing", &self.routing)
            .field("stopping", &self.stopping)
            .finish_non_exhaustive()
    }
}
