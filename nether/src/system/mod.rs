//! [`System`], the composition root: the only place that knows all of the layers below.

mod attach;
mod builder;
mod detached;
mod pause;
mod refusals;
#[cfg(feature = "http")]
mod routes;
mod shutdown;
mod signals;
mod start;
mod status;
#[cfg(feature = "http")]
mod totals;
mod watch;
#[cfg(not(feature = "http"))]
mod without_http;

pub use self::attach::Attached;
pub use self::builder::SystemBuilder;
pub use self::pause::PauseError;
pub use self::shutdown::{DeadLetters, ShutdownReport};
pub(crate) use self::signals::{or_exit, signal};
pub use self::status::ModuleStatus;
#[cfg(feature = "http")]
pub(crate) use self::totals::{ModuleName, ModuleTotals};

use std::collections::BTreeMap;
use std::fmt;
#[cfg(feature = "http")]
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::SetOnce;
use tokio::time::Instant;

use crate::context::{
    AnyEvent, Context, Subscription, end_delayed, subscribe_to_all, subscribe_to_any,
};
use crate::error::{Result, StartError};
use crate::events::DeadLetter;
#[cfg(feature = "http")]
use crate::latency::Latencies;
use crate::mediator::{InstanceId, Mediator};
use crate::message::Event;
use crate::module::AnyInstance;
#[cfg(feature = "http")]
use crate::observers::Observers;
use crate::registry::{Registry, Topology};
#[cfg(all(feature = "http", feature = "eventstore"))]
use crate::resources::{InitArgument, Resource};
use crate::scope::{Scope, ScopeKind};
use crate::sync::lock;
use crate::system::detached::Detached;

/// A running program: its modules, and the mediator between them. Clones are handles to the same system.
///
/// [`#[nether::main]`](macro@crate::main) starts one and stops it. There is no global system: several systems
/// run in one process, each with modules of its own. A system whose last handle is dropped without
/// [`shutdown`](System::shutdown) takes no new work. Its modules end when they have handled their messages;
/// events that they publish then may find no handler.
#[derive(Clone)]
pub struct System {
    inner: Arc<SystemInner>,
}

/// A handle that does not keep the system.
#[cfg(feature = "http")]
#[derive(Clone)]
pub(crate) struct WeakSystem(Weak<SystemInner>);

#[cfg(feature = "http")]
impl WeakSystem {
    pub(crate) fn upgrade(&self) -> Option<System> {
        self.0.upgrade().map(|inner| System { inner })
    }
}

struct SystemInner {
    mediator: Arc<Mediator>,
    /// The running modules, by their numbers: in the order in which they were made.
    instances: Mutex<BTreeMap<InstanceId, Arc<dyn AnyInstance>>>,
    /// What modules did that were detached.
    detached: Mutex<Detached>,
    /// Whether all modules have been counted, those that were detached and those that were not. Set under the
    /// lock of `instances`.
    is_reported: AtomicBool,
    /// The bound of a mailbox.
    mailbox: usize,
    /// Whether only modules attached by hand belong to it.
    isolated: bool,
    shutdown_timeout: Duration,
    /// The modules that its shutdown has cut off so far.
    cut_off: Mutex<Vec<&'static str>>,
    /// How many requests to its web server a shutdown has cut off so far.
    requests_cut_off: AtomicU64,
    /// When a shutdown that has begun has no more time.
    stop_deadline: OnceLock<Instant>,
    /// What the first `shutdown` reported, for all.
    report: SetOnce<ShutdownReport>,
    /// Whether a shutdown was requested.
    has_shut_down: AtomicBool,
}

impl System {
    /// A system to be configured.
    ///
    /// ```
    /// use std::time::Duration;
    /// use nether::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let system = System::builder()
    ///     .isolated() // Without the modules in the registry, for a test.
    ///     .mailbox(256)
    ///     .max_depth(16)
    ///     .shutdown_timeout(Duration::from_secs(2))
    ///     .start()
    ///     .await?;
    /// # system.shutdown().await;
    /// # Ok(()) }
    /// ```
    pub fn builder() -> SystemBuilder {
        SystemBuilder::default()
    }

    /// Starts every module in the link-time registry that is not `manual`; see [`SystemBuilder::start`].
    ///
    /// # Errors
    /// Every problem of the program at once.
    ///
    /// # Panics
    /// Outside of a tokio runtime, or in one without timers (`enable_time`).
    pub async fn start() -> Result<System, StartError> {
        System::builder().start().await
    }

    /// Checks the whole program as [`start`](System::start) does, without starting anything: one line in a
    /// test. Only [`SystemBuilder::verify`] can find missing resources.
    ///
    /// ```standalone_crate
    /// use nether::prelude::*;
    ///
    /// #[command]
    /// pub struct Bill;
    ///
    /// #[event]
    /// pub struct OrderPlaced;
    ///
    /// #[derive(Default)]
    /// pub struct Orders;
    ///
    /// #[module(handles = OrderPlaced, calls = Bill)] // But no module handles `Bill`.
    /// impl Orders {
    ///     async fn bill(&self, _: &OrderPlaced, ctx: &Context<Self>) -> nether::Result<()> {
    ///         ctx.send(Bill).await?;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # fn main() {
    /// let error = System::verify().unwrap_err();
    /// assert!(error.to_string().contains("no module handles"), "{error}");
    /// # }
    /// ```
    ///
    /// # Errors
    /// Every problem of the program at once.
    pub fn verify() -> Result<(), StartError> {
        start::verify_without_resources()
    }

    /// Opens a unit of work. To be [closed](Context::close): dropped before that, it is cancelled.
    ///
    /// In a system that is stopping it opens too, and refuses what is sent.
    pub fn context(&self) -> Context {
        self.inner.mediator.links.look_for_spans();
        Context::open(Scope::new(
            Arc::clone(&self.inner.mediator),
            ScopeKind::Unit,
        ))
    }

    /// Opens a unit of work, runs `work` with it, closes it, and returns the result of `work`. If `work`
    /// fails, the unit of work is cancelled: messages that have not started are dropped, and running handlers
    /// are waited for.
    ///
    /// ```
    /// # use nether::prelude::*;
    /// #[event]
    /// pub struct Ping;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let system = System::builder().isolated().start().await?;
    /// let answer = system
    ///     .scope(async |ctx| {
    ///         ctx.publish(Ping).await?;
    ///         Ok(42)
    ///     })
    ///     .await?;
    /// assert_eq!(answer, 42);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The error of `work`, or of the close.
    pub async fn scope<T>(&self, work: impl AsyncFnOnce(&Context) -> Result<T>) -> Result<T> {
        let ctx = self.context();
        match work(&ctx).await {
            Ok(value) => {
                ctx.close().await?;
                Ok(value)
            }
            Err(error) => {
                ctx.cancel();
                let _ = ctx.close().await; // It failed, as `error` says.
                Err(error)
            }
        }
    }

    /// The events of type `E` that are published in any unit of work from now on. To be made before the
    /// system stops, with which the subscription ends; see [`Subscription`] for an example.
    pub fn subscribe<E: Event>(&self) -> Subscription<E> {
        subscribe_to_all(&self.inner.mediator)
    }

    /// The events of all types that are published in any unit of work from now on. After the first call,
    /// every event of the system is serialised.
    ///
    /// ```
    /// use nether::prelude::*;
    ///
    /// #[event(name = "door.opened")]
    /// pub struct Opened { pub by: String }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let system = System::builder().isolated().start().await?;
    /// let mut events = system.subscribe_any();
    /// system.context().publish(Opened { by: "ann".into() }).await?;
    /// let event = events.next().await.expect("it was published");
    /// assert_eq!((event.name, event.id), ("door.opened", Opened::ID));
    /// assert_eq!(event.json.as_deref(), Some(r#"{"by":"ann"}"#));
    /// # Ok(()) }
    /// ```
    pub fn subscribe_any(&self) -> Subscription<AnyEvent> {
        subscribe_to_any(&self.inner.mediator)
    }

    /// Messages that were accepted but will not be handled, from now on: the same as
    /// `subscribe::<DeadLetter>()`.
    pub fn dead_letters(&self) -> Subscription<DeadLetter> {
        self.subscribe()
    }

    /// The graph of modules and messages: of the whole program, or of the modules attached to an isolated
    /// system.
    ///
    /// ```
    /// use nether::prelude::*;
    ///
    /// #[command(name = "door.open")]
    /// pub struct Open;
    ///
    /// #[derive(Default)]
    /// pub struct Door;
    ///
    /// #[module(handles = Open)]
    /// impl Door {
    ///     async fn open(&mut self, _: Open) {}
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let system = System::builder().isolated().start().await?;
    /// let _door = system.attach(Door).await?;
    /// let topology = system.topology();
    /// assert_eq!(topology.edges[0].message, "door.open");
    /// println!("{}", topology.to_mermaid());
    /// # Ok(()) }
    /// ```
    pub fn topology(&self) -> Topology {
        let registry = Registry::of_program();
        if self.inner.isolated {
            let mut modules: Vec<_> = self
                .instances()
                .iter()
                .map(|instance| instance.descriptor())
                .collect();
            modules.sort_by_key(|module| module.declaration.name);
            modules.dedup_by_key(|module| module.declaration.name);
            return Topology::of(&registry.messages, &modules);
        }
        let modules = registry.modules.iter().copied();
        let modules: Vec<_> = modules.filter(|module| !module.is_of_framework()).collect();
        Topology::of(&registry.messages, &modules)
    }

    fn instances(&self) -> Vec<Arc<dyn AnyInstance>> {
        self.inner.instances()
    }

    /// How long it waits for its modules when it stops.
    #[cfg(feature = "http")]
    pub(crate) fn shutdown_timeout(&self) -> Duration {
        self.inner.shutdown_timeout
    }

    /// The resource of that type, if the program provides one and the system has not stopped.
    #[cfg(all(feature = "http", feature = "eventstore"))]
    pub(crate) fn resource<T: Send + Sync + 'static>(&self) -> Option<Resource<T>> {
        Resource::of(&self.inner.mediator.resources.load(), None).ok()
    }

    /// From now on, the time that its handlers take is measured.
    #[cfg(feature = "http")]
    pub(crate) fn measure_latencies(&self) {
        self.inner.mediator.observers.add(Observers::TIMES);
    }

    /// How long its handlers take.
    #[cfg(feature = "http")]
    pub(crate) fn latencies(&self) -> &Latencies {
        &self.inner.mediator.latencies
    }

    /// A handle that does not keep the system.
    #[cfg(feature = "http")]
    pub(crate) fn downgrade(&self) -> WeakSystem {
        WeakSystem(Arc::downgrade(&self.inner))
    }

    #[cfg(feature = "test")]
    pub(crate) fn mediator(&self) -> &Arc<Mediator> {
        &self.inner.mediator
    }
}

impl SystemInner {
    fn instances(&self) -> Vec<Arc<dyn AnyInstance>> {
        lock(&self.instances).values().cloned().collect()
    }
}

impl Drop for SystemInner {
    fn drop(&mut self) {
        self.mediator.stopping.begin();
        end_delayed(&self.mediator);
        for instance in lock(&self.instances).values().rev() {
            instance.pause(false);
            instance.stop_background();
            instance.close();
        }
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System")
            .field("modules", &self.instances())
            .finish_non_exhaustive()
    }
}
