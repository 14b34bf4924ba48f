//! Modules that come and go while the system runs.

use std::fmt;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinHandle;

use crate::error::AttachError;
use crate::mediator::{Handler, InstanceId, Mediator};
use crate::message::MessageKind;
use crate::module::{AnyInstance, Instance, Launch, Module, SingleValue};
use crate::resources::Resources;
use crate::route::BoxFuture;
use crate::sync::lock;
use crate::system::System;

/// A module that was attached by hand; what [`System::detach`] of the same system takes. Dropped, the module
/// stays attached.
pub struct Attached<M> {
    pub(super) instance: InstanceId,
    module: PhantomData<fn() -> M>,
}

impl<M: Module> fmt::Debug for Attached<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let module = M::descriptor().declaration.name;
        f.debug_struct("Attached")
            .field("module", &module)
            .field("instance", &self.instance)
            .finish()
    }
}

impl System {
    /// Attaches a module value: runs its `#[on_start]`, and from then on it gets the messages it handles.
    /// Several values of one type may be attached, and each gets the events it handles. The modules it lists
    /// in `after` are not looked at.
    ///
    /// ```
    /// use nether::prelude::*;
    ///
    /// #[event]
    /// pub struct Ping;
    ///
    /// struct Ears(&'static str);
    ///
    /// #[module(handles = Ping, manual)]
    /// impl Ears {
    ///     async fn ping(&self, _: &Ping) {
    ///         println!("{} heard it", self.0);
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let system = System::builder().isolated().start().await?;
    /// let left = system.attach(Ears("left")).await?;
    /// let _right = system.attach(Ears("right")).await?;
    /// system.context().publish(Ping).await?; // Both hear it.
    /// system.detach(left).await;
    /// let ctx = system.context();
    /// ctx.publish(Ping).await?;
    /// assert_eq!(ctx.close().await?.handled, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If another module handles one of its commands or queries, if its `#[on_start]` fails, or if the system
    /// is stopping.
    // Neither an `async fn` nor an `impl Future`: the compiler would report the same mistake at each use of
    // the future.
    #[allow(private_bounds)]
    pub fn attach<M>(&self, module: M) -> BoxFuture<Result<Attached<M>, AttachError>>
    where
        M: Module<Handling: SingleValue<M>>,
    {
        let system = self.clone();
        Box::pin(async move {
            let launch = Launch {
                mediator: Arc::clone(&system.inner.mediator),
                mailbox: system.inner.mailbox,
            };
            let instance = Instance::attached(&launch, module);
            match system.spawn_attaching(instance).await {
                Ok(attached) => attached.map(|instance| Attached {
                    instance,
                    module: PhantomData,
                }),
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                Err(_) => Err(AttachError::Stopping {
                    module: M::descriptor().declaration,
                }),
            }
        })
    }

    /// Attaches in a task of its own: the caller may stop waiting, and the module is attached all the same,
    /// or not at all.
    fn spawn_attaching(
        &self,
        instance: Arc<dyn AnyInstance>,
    ) -> JoinHandle<Result<InstanceId, AttachError>> {
        let system = self.clone();
        tokio::spawn(async move { system.attach_instance(instance).await })
    }

    async fn attach_instance(
        &self,
        instance: Arc<dyn AnyInstance>,
    ) -> Result<InstanceId, AttachError> {
        let declaration = instance.descriptor().declaration;
        let mediator = &self.inner.mediator;
        let stopping = AttachError::Stopping {
            module: declaration,
        };
        if mediator.stopping.has_begun() {
            return Err(stopping);
        }
        // One of the system's from now on, so that a shutdown waits for it too.
        lock(&self.inner.instances).insert(instance.id(), Arc::clone(&instance));
        // Senders wait from now on until the module has started.
        if let Err(error) = claim(mediator, &*instance) {
            // A message may have been sent in between, and waits for a start that does not come.
            Arc::clone(&instance).cut_off().await;
            self.part_with(instance);
            return Err(error);
        }
        let started = Arc::clone(&instance)
            .start(Arc::new(Resources::default()))
            .await;
        if let Err(error) = started {
            disconnect(mediator, &*instance);
            Arc::clone(&instance).cut_off().await;
            self.part_with(instance);
            return Err(AttachError::Failed {
                module: declaration,
                error,
            });
        }
        let id = instance.id();
        if mediator.stopping.has_begun() {
            // The shutdown may have looked for modules before this one was there.
            self.detach_instance(id).await;
            return Err(stopping);
        }
        Ok(id)
    }

    /// A module is not the system's any more; what it did is, unless it is reported already.
    fn part_with(&self, instance: Arc<dyn AnyInstance>) {
        let mut instances = lock(&self.inner.instances);
        if self.inner.is_reported.load(Ordering::SeqCst) {
            return;
        }
        instances.remove(&instance.id());
        let done = lock(&self.inner.detached).add(instance);
        drop(instances);
        drop(done); // To drop a module runs user code.
    }

    /// Detaches a module: it gets no new messages, its background tasks are notified, it handles what it has,
    /// and runs its `#[on_stop]`. Returns when that is done, which has no limit of time; dropping this future
    /// does not stop it. A handler cannot wait for the end of its own module: let it spawn a task.
    ///
    /// A module of another system is left alone.
    pub async fn detach<M: Module>(&self, attached: Attached<M>) {
        self.detach_instance(attached.instance).await;
    }

    async fn detach_instance(&self, id: InstanceId) {
        let system = self.clone();
        let Some(instance) = lock(&self.inner.instances).get(&id).cloned() else {
            return;
        };
        disconnect(&self.inner.mediator, &*instance);
        // A task of its own: the caller may stop waiting, and the module stops all the same. Until it has, it
        // is one of the system's, so that a shutdown waits for it too.
        let stopping = tokio::spawn(async move {
            Arc::clone(&instance).stop().await;
            system.part_with(instance);
        });
        let _ = stopping.await;
    }
}

/// Adds the routes of an instance, unless one of its commands or queries is handled already. All or none.
fn claim(mediator: &Mediator, instance: &dyn AnyInstance) -> Result<(), AttachError> {
    let (id, module) = (instance.id(), &instance.descriptor().declaration);
    let routes = instance.routes();
    mediator.routing.change(|table| {
        for (message, _) in &routes {
            let declared = message.declaration.name;
            let row = table.row(message.slot());
            let row = row.ok_or(AttachError::NotRegistered {
                message: declared,
                module: *module,
            })?;
            match row.handlers.first() {
                Some(first) if message.kind != MessageKind::Event => {
                    return Err(AttachError::AlreadyHandled {
                        message: declared,
                        module: *module,
                        handler: *first.module,
                    });
                }
                _ => {}
            }
        }
        for (message, route) in routes {
            if let Some(row) = table.row_mut(message.slot()) {
                row.handlers.insert(Handler {
                    instance: id,
                    module,
                    route,
                });
            }
        }
        Ok(())
    })
}

/// Takes the routes of an instance out of the table.
pub(super) fn disconnect(mediator: &Mediator, instance: &dyn AnyInstance) {
    for message in instance.descriptor().handles {
        let message = (message.descriptor)();
        mediator.recorder.note_detached(&message.declaration);
    }
    mediator.routing.change(|table| {
        for message in instance.descriptor().handles {
            if let Some(row) = table.row_mut((message.descriptor)().slot()) {
                row.handlers.remove(instance.id());
            }
        }
    });
}
