//! [`ModuleDescriptor`]: what `#[module]` leaves in the program, and [`AnyInstance`]: what is made of it.

use std::fmt;
use std::sync::Arc;

use crate::declaration::Declaration;
use crate::error::{Error, Result, WaitEdge};
use crate::mediator::{Erased, InstanceId, Mediator};
use crate::message::{MessageDescriptor, MessageKind, MessageProof};
use crate::middleware::MiddlewareDescriptor;
use crate::module::KeyedStatus;
use crate::module::lease::LeaseStatus;
use crate::module::life::{BeingHandled, Life, ModuleState};
use crate::module::policy::{BreakerPolicy, HandlerLimits, RestartPolicy};
use crate::module::tally::WorkCounts;
use crate::resources::{ResourceDescriptor, Resources};
use crate::route::BoxFuture;
use crate::waiting::Waiter;

/// One at a time, or concurrently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ModuleKind {
    /// Some handler takes `&mut self`: the module handles one message at a time.
    Exclusive,
    /// All handlers take `&self`: they run concurrently.
    Shared,
    /// It has a value for each key: the messages of one key are handled one at a time.
    Keyed,
}

/// The description of a module that is known at start-up. One `static` each, made by `#[module]`.
#[doc(hidden)]
#[derive(Debug)]
pub struct ModuleDescriptor {
    pub declaration: Declaration,
    pub kind: ModuleKind,
    pub handles: &'static [MessageProof],
    pub emits: &'static [MessageProof],
    pub calls: &'static [MessageProof],
    /// The modules it starts after.
    pub after: &'static [fn() -> &'static ModuleDescriptor],
    /// How many of it run; more than one only of an exclusive module.
    pub instances: usize,
    /// What `mailbox = ..` says.
    pub mailbox: Option<usize>,
    pub restart: RestartPolicy,
    pub breaker: Option<BreakerPolicy>,
    /// The handlers that have limits, or middleware.
    pub handlers: &'static [HandlerDescriptor],
    pub resources: &'static [ResourceDescriptor],
    /// Makes its instances; `None` for a `manual` module.
    pub launch: Option<fn(Launch) -> Instances>,
}

/// The description of a handler that has limits, or middleware.
#[doc(hidden)]
#[derive(Debug)]
pub struct HandlerDescriptor {
    pub message: MessageProof,
    pub limits: HandlerLimits,
    /// What stands around it, outermost first.
    pub with: &'static [MiddlewareDescriptor],
}

impl ModuleDescriptor {
    /// What stands around its handlers, each once.
    pub(crate) fn middleware(&self) -> Vec<&'static MiddlewareDescriptor> {
        let mut all: Vec<&MiddlewareDescriptor> = Vec::new();
        for middleware in self.handlers.iter().flat_map(|handler| handler.with) {
            let is_it =
                |known: &&MiddlewareDescriptor| known.resource.is_same(&middleware.resource);
            if !all.iter().any(is_it) {
                all.push(middleware);
            }
        }
        all
    }

    /// Middleware of its handlers that is not provided, as the error of its start: for what is started
    /// without a check of the whole program.
    pub(super) fn check_middleware(&self, resources: &Resources) -> Result<()> {
        let mut all = self.middleware().into_iter();
        let Some(missing) = all.find(|middleware| !resources.has(&middleware.resource)) else {
            return Ok(());
        };
        Err(Error::msg(format_args!(
            "{} stands around its handlers, and its value is missing: give it to the system, `builder.provide(..)`",
            missing.declaration
        )))
    }

    /// Whether it is one of the framework's own: no other module handles commands of the framework.
    pub(crate) fn is_of_framework(&self) -> bool {
        self.handles.iter().any(|message| {
            message.kind != MessageKind::Event && (message.descriptor)().is_of_framework()
        })
    }
}

/// An instance, whatever its type.
#[doc(hidden)]
#[allow(private_interfaces, missing_docs)] // Named by the hidden `ModuleDescriptor`; not called outside.
pub trait AnyInstance: Send + Sync + fmt::Debug {
    fn id(&self) -> InstanceId;
    /// Which of its module's instances it is.
    fn index(&self) -> usize;
    fn descriptor(&self) -> &'static ModuleDescriptor;
    /// The ways to it and to the other instances of its module, if it is the first one.
    fn routes(&self) -> Vec<(&'static MessageDescriptor, Erased)>;
    /// Makes the module and runs its `#[on_start]`.
    fn start(self: Arc<Self>, resources: Arc<Resources>) -> BoxFuture<Result<()>>;
    /// Tells its background tasks to stop.
    fn stop_background(&self);
    /// Accepts nothing more.
    fn close(&self);
    /// Closes it, and waits until all it accepted is handled, its background tasks have ended, and
    /// `#[on_stop]` is done.
    fn stop(self: Arc<Self>) -> BoxFuture<()>;
    /// Cuts off what still runs, and turns what waits into dead letters, also if it was never started.
    fn cut_off(self: Arc<Self>) -> BoxFuture<()>;
    /// How many messages were ever accepted.
    fn accepted(&self) -> u64;
    /// How many messages ended. Read before `accepted`: equal, they mean that the module was idle in between.
    fn ended(&self) -> u64;
    /// What it did, and what it has to do.
    fn work(&self) -> WorkCounts;
    /// How its life goes.
    fn life(&self) -> &Life;
    /// What it is doing.
    fn state(&self) -> ModuleState;
    /// Which process runs it, if it runs in one process at a time.
    fn lease(&self) -> Option<LeaseStatus>;
    /// The counts of its values, if it has one for each key.
    fn keyed(&self) -> Option<KeyedStatus>;
    /// What it is handling.
    fn handling(&self) -> Vec<BeingHandled>;
    /// What it waits for, if it is exclusive, or while it starts.
    fn waits(&self) -> Vec<WaitEdge>;
    /// The module as one that waits for others.
    fn waiter(&self) -> &Waiter;
    /// Holds it up, or lets it go on.
    fn pause(&self, is_paused: bool);
}

/// The instances of a module.
pub(crate) type Instances = Vec<Arc<dyn AnyInstance>>;

/// What an instance needs to know of its system.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Launch {
    pub(crate) mediator: Arc<Mediator>,
    /// The bound of its mailbox, unless the module says so itself.
    pub(crate) mailbox: usize,
}

/// A module in the link-time registry.
#[doc(hidden)]
#[derive(Debug)]
pub struct ModuleRegistration(pub &'static ModuleDescriptor);

inventory::collect!(ModuleRegistration);
