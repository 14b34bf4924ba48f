//! [`SystemBuilder`]: the settings of a system before it starts.

use std::panic::Location;
use std::time::Duration;

use tokio::sync::watch;

use crate::chance::Chance;
use crate::middleware::{Interceptor, Interceptors};
use crate::module::{Module, ModuleDescriptor, Started};
use crate::resources::Resources;
use crate::system::System;

/// How many messages may wait in a mailbox before senders outside of handlers wait for room.
const MAILBOX: usize = 1024;

/// The longest chain of causes.
const MAX_DEPTH: u32 = 64;

/// How long a stopping system waits for its modules.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a handler may take before it is reported as slow.
const SLOW_HANDLER: Duration = Duration::from_secs(5);

/// How long closing waits for outsiders.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// A system to be configured and started.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `start`"]
pub struct SystemBuilder {
    pub(super) resources: Resources,
    pub(super) interceptors: Interceptors,
    pub(super) mailbox: usize,
    pub(super) max_depth: u32,
    pub(super) max_in_flight: Option<usize>,
    pub(super) shutdown_timeout: Duration,
    pub(super) slow_handler: Duration,
    pub(super) close_patience: Duration,
    pub(super) isolated: bool,
    /// The modules that are started although the system is isolated.
    pub(super) only: Vec<&'static ModuleDescriptor>,
    pub(crate) chance: Chance,
    /// Whether it keeps what is sent.
    pub(super) records: bool,
    /// Whether it is run by `#[nether::test]`.
    #[cfg(feature = "test")]
    pub(super) is_test: bool,
    /// What `#[nether::main(modules = [..])]` lists.
    pub(super) world: Option<Vec<&'static ModuleDescriptor>>,
    /// What `#[nether::main]` does just before the system starts.
    pub(super) prepare: Option<fn()>,
    /// Where `#[nether::main]` looks for the system, as soon as it begins to start.
    pub(super) started: Option<watch::Sender<Option<System>>>,
}

impl Default for SystemBuilder {
    fn default() -> Self {
        SystemBuilder {
            resources: Resources::default(),
            interceptors: Interceptors::default(),
            mailbox: MAILBOX,
            max_depth: MAX_DEPTH,
            max_in_flight: None,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            slow_handler: SLOW_HANDLER,
            close_patience: CLOSE_PATIENCE,
            isolated: false,
            only: Vec::new(),
            chance: Chance::default(),
            records: false,
            #[cfg(feature = "test")]
            is_test: false,
            world: None,
            prepare: None,
            started: None,
        }
    }
}

impl SystemBuilder {
    /// Provides a resource, which `#[init]` gets as [`Resource<T>`](crate::Resource), where there is an
    /// example. A second one of the same type is a
    /// [`StartProblem::TwoResources`](crate::StartProblem::TwoResources); give it a name.
    #[track_caller]
    pub fn provide<T: Send + Sync + 'static>(mut self, resource: T) -> Self {
        self.resources.put(resource, None, Location::caller());
        self
    }

    /// Provides one of several resources of one type, which `#[init]` asks for by its name:
    /// `#[resource("replica")] replica: Resource<Pool>`. [`Resource`](crate::Resource) has an example.
    #[track_caller]
    pub fn provide_named<T: Send + Sync + 'static>(
        mut self,
        name: &'static str,
        resource: T,
    ) -> Self {
        self.resources.put(resource, Some(name), Location::caller());
        self
    }

    /// Adds an interceptor, which looks at every message that is handled; see [`Interceptor`], where there is
    /// an example. The one that is added first is called first, and learns last how the handler ended.
    pub fn intercept(mut self, interceptor: impl Interceptor) -> Self {
        self.interceptors.add(interceptor);
        self
    }

    /// How many messages may wait in a module's mailbox before senders outside of handlers wait for room:
    /// 1024 by default, at least 1. A module's own `mailbox = ..` overrides it. For a shared module it is how
    /// many handlers may run at once.
    pub fn mailbox(mut self, messages: usize) -> Self {
        self.mailbox = messages.max(1);
        self
    }

    /// The longest chain of messages that cause each other: 64 by default, at least 1. The message that would
    /// make it longer is refused with [`SendError::TooDeep`](crate::SendError::TooDeep).
    pub fn max_depth(mut self, messages: u32) -> Self {
        self.max_depth = messages.max(1);
        self
    }

    /// How many messages may be in flight in the whole system, waiting or being handled, before senders
    /// outside of handlers wait for room, first come, first served: at least 1; by default only mailboxes
    /// bound it. Messages from handlers and from spawned tasks count, and never wait; an event counts once
    /// for each module that handles it. A task that is [spawned](crate::Context::spawn) counts too, and is
    /// refused if there is no room, unless a handler spawns it. With such a bound every message takes a lock
    /// of the system twice.
    pub fn max_in_flight(mut self, messages: usize) -> Self {
        self.max_in_flight = Some(messages.max(1));
        self
    }

    /// How long [`shutdown`](System::shutdown) waits for modules before it cuts them off: 30 seconds by
    /// default. If some had to be cut off, the others get at most a quarter of that time more for their
    /// `#[on_stop]`. A server that gives requests more time does not start
    /// ([`StartProblem::ShutdownTooShort`](crate::StartProblem::ShutdownTooShort)).
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// How long a handler may take before [`HandlerSlow`](crate::HandlerSlow) and a `tracing` warning report
    /// it: 5 seconds by default. The report may come up to a quarter of that time later. A handler that
    /// blocks its thread is reported too, as long as another thread is free. Handlers are only watched; to
    /// cut one off, give it a `timeout`. A [`close`](crate::Context::close) that takes so long says in the
    /// log what it waits for. [`Duration::MAX`] turns both off.
    pub fn slow_handler(mut self, limit: Duration) -> Self {
        self.slow_handler = limit;
        self
    }

    /// How long [`Context::close`](crate::Context::close) waits when everything that is left waits at shared
    /// streams, and only a handle outside of handlers could move one on: a producer that has not finished, or
    /// a consumer that takes nothing. 5 seconds by default; the time starts again whenever an item moves in
    /// such a stream. After that it ends the stream, and returns a
    /// [`FailureKind::HeldStream`](crate::FailureKind::HeldStream) that names it. `close` waits equally long
    /// for messages that wait for room and whose senders do not poll them, and then takes them back. It is
    /// also the least time that a [`Transaction`](crate::Transaction) has to commit or to roll back, unless a
    /// stop grants less.
    /// [`Duration::MAX`] waits for ever.
    pub fn close_patience(mut self, patience: Duration) -> Self {
        self.close_patience = patience;
        self
    }

    /// Starts nothing from the registry: modules are named with [`with`](SystemBuilder::with) or attached by
    /// hand, in a test or in a process that runs a part of the program. A message that a module lists may be
    /// without a handler; sending it is [`CallError::NoRoute`](crate::CallError::NoRoute).
    pub fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// Starts this module although the system is [isolated](SystemBuilder::isolated), made by its `#[init]`
    /// or `Default`. (A module that the framework does not make is [attached](System::attach).) In a system
    /// that is not isolated it starts anyway. The module of an aggregate is `Aggregates<T>`, that of a
    /// projection `Projections<T>`, that of a saga `Sagas<T>`, all in `nether::eventstore`.
    ///
    /// ```
    /// # use nether::prelude::*;
    /// # #[event]
    /// # pub struct Ping;
    /// # #[derive(Default)]
    /// # pub struct Ears;
    /// # #[module(handles = Ping)]
    /// # impl Ears {
    /// #     async fn ping(&self, _: &Ping) {}
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let system = System::builder().isolated().with::<Ears>().start().await?;
    /// assert_eq!(system.modules().len(), 1);
    /// # Ok(()) }
    /// ```
    #[allow(private_bounds)]
    pub fn with<M: Module + Started>(mut self) -> Self {
        self.only.push(M::descriptor());
        self
    }

    /// Draws from this what is left to chance, in a test that fails if a module sends what no module handles.
    #[cfg(feature = "test")]
    pub(crate) fn in_test(mut self, chance: Chance) -> Self {
        self.chance = chance;
        self.is_test = true;
        self
    }

    /// Keeps what is sent.
    #[cfg(feature = "test")]
    pub(crate) fn recording(mut self) -> Self {
        self.records = true;
        self
    }

    /// Starts these modules alone.
    #[cfg(feature = "test")]
    pub(crate) fn with_only(mut self, modules: &[&'static ModuleDescriptor]) -> Self {
        self.isolated = true;
        self.only.extend(modules);
        self
    }

    /// Does this just before the system starts.
    pub(crate) fn preparing(mut self, prepare: fn()) -> Self {
        self.prepare = Some(prepare);
        self
    }

    /// Lets `started` know the system as soon as it begins to start.
    pub(crate) fn notifying(mut self, started: watch::Sender<Option<System>>) -> Self {
        self.started = Some(started);
        self
    }

    /// Only these modules may be in the registry.
    pub(crate) fn closed_world(mut self, modules: &[&'static ModuleDescriptor]) -> Self {
        self.world = Some(modules.to_vec());
        self
    }
}
