//! Layer 9: [`System`], the composition root: the only place that knows all of the layers below.

mod attach;
mod builder;
mod shutdown;
mod signals;
mod start;
mod status;

pub use self::attach::Attached;
pub use self::builder::SystemBuilder;
pub use self::shutdown::{DeadLetters, ShutdownReport};
pub(crate) use self::signals::signal;
pub use self::status::ModuleStatus;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::context::{Context, Subscription, subscribe_to_all};
use crate::error::{Result, StartError};
use crate::events::DeadLetter;
use crate::mediator::Mediator;
use crate::message::Event;
use crate::module::AnyInstance;
use crate::registry::{Registry, Topology};
use crate::scope::{Scope, ScopeKind};
use crate::sync::lock;

/// A running program: its modules, and the mediator between them. Clones are handles to the same system.
///
/// There is no global: several systems live side by side in one process. A system whose last handle is dropped without
/// [`shutdown`](System::shutdown) takes no new work; its modules end when they have handled what they had.
#[derive(Clone)]
pub struct System {
    inner: Arc<Inner>,
}

struct Inner {
    mediator: Arc<Mediator>,
    /// The running modules, in the order they were started.
    instances: Mutex<Vec<Arc<dyn AnyInstance>>>,
    /// The bound of a mailbox.
    mailbox: usize,
    /// Whether only modules attached by hand belong to it.
    isolated: bool,
    shutdown_timeout: Duration,
    /// What the first `shutdown` reported, for all.
    report: OnceCell<ShutdownReport>,
}

impl System {
    /// A system to be configured.
    pub fn builder() -> SystemBuilder {
        SystemBuilder::default()
    }

    /// Starts every module in the link-time registry that is not `manual`.
    ///
    /// # Errors
    /// Every problem of the program at once.
    pub async fn start() -> Result<System, StartError> {
        System::builder().start().await
    }

    /// Checks the whole program as [`start`](System::start) does, without starting anything; for a test. What resources
    /// are missing only [`SystemBuilder::verify`] can tell.
    ///
    /// ```
    /// # use nether::prelude::*;
    /// System::verify().unwrap();
    /// ```
    ///
    /// # Errors
    /// Every problem of the program at once.
    pub fn verify() -> Result<(), StartError> {
        start::verify_without_resources()
    }

    /// Opens a unit of work.
    pub fn context(&self) -> Context {
        Context::open(Scope::new(
            Arc::clone(&self.inner.mediator),
            ScopeKind::Unit,
        ))
    }

    /// Opens a unit of work, lets `work` use it, and closes it. If `work` fails the unit of work is cancelled: what has
    /// not started is not started any more, and what has is waited for.
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
    /// What `work` gave back, or what closing did.
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

    /// The events of type `E` that are published in any unit of work from now on.
    pub fn subscribe<E: Event>(&self) -> Subscription<E> {
        subscribe_to_all(&self.inner.mediator)
    }

    /// Messages that were accepted but will not be handled, from now on.
    pub fn dead_letters(&self) -> Subscription<DeadLetter> {
        self.subscribe()
    }

    /// Who handles and sends what: the whole program, or in an isolated system the modules attached to it.
    pub fn topology(&self) -> Topology {
        let registry = Registry::of_program();
        if self.inner.isolated {
            let mut modules: Vec<_> = self
                .instances()
                .iter()
                .map(|instance| instance.descriptor())
                .collect();
            modules.dedup_by_key(|module| module.declaration.name);
            return Topology::of(&registry.messages, &modules);
        }
        Topology::of(&registry.messages, &registry.modules)
    }

    fn instances(&self) -> Vec<Arc<dyn AnyInstance>> {
        lock(&self.inner.instances).clone()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.mediator.stopping.begin();
        for instance in lock(&self.instances).iter().rev() {
            instance.tell_background();
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
