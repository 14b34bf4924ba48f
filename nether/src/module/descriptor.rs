//! [`ModuleDescriptor`]: what `#[module]` leaves in the program.

use std::sync::Arc;

use crate::declaration::Declaration;
use crate::mediator::Mediator;
use crate::message::{MessageKind, MessageProof};
use crate::module::instance::AnyInstance;
use crate::module::policy::{BreakerPolicy, RestartPolicy};
use crate::resources::ResourceDescriptor;

/// One at a time, or concurrently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ModuleKind {
    /// Some handler takes `&mut self`: the module handles one message at a time.
    Exclusive,
    /// All handlers take `&self`: they run concurrently.
    Shared,
}

/// What is known of a module at start-up. One `static` each, made by `#[module]`.
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
    pub resources: &'static [ResourceDescriptor],
    /// Makes its instances; `None` for a `manual` module.
    pub launch: Option<fn(Launch) -> Instances>,
}

impl ModuleDescriptor {
    /// Whether it is one of the framework's own: no other module handles commands of the framework.
    pub(crate) fn is_of_framework(&self) -> bool {
        self.handles.iter().any(|message| {
            message.kind != MessageKind::Event && (message.descriptor)().is_of_framework()
        })
    }
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
