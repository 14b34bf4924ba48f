//! [`Sagas`]: the module that runs the sagas of one type.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::error::Result;
use crate::eventstore::control::Control;
use crate::eventstore::follower::Follower;
use crate::eventstore::saga::Saga;
use crate::eventstore::saga::runner::SagaRunner;
use crate::eventstore::store::Store;
use crate::module::{
    Background, Concurrently, Construct, Module, ModuleDescriptor, Routes, Shared,
};
use crate::resources::{InitArgument, Resource, Resources};
use crate::routing::{Caller, Listed};

/// All sagas of the type `S`, as a module. [`#[saga]`](macro@crate::saga) makes it part of the program; it is
/// named where modules are, as in `#[nether::main(modules = [Sagas<Transfer>])]`.
pub struct Sagas<S: Saga> {
    store: Store,
    control: Arc<Control>,
    saga: PhantomData<fn() -> S>,
}

#[diagnostic::do_not_recommend]
impl<S: Saga> Caller for Sagas<S> {
    type Rule = Listed;
}

#[diagnostic::do_not_recommend]
impl<S: Saga> Module for Sagas<S> {
    type Handling = Concurrently;
    const DESCRIPTOR: &'static ModuleDescriptor = S::DESCRIPTOR;
    const ROUTES: &'static [fn(&mut Routes<'_, Self>)] = &[];

    fn background(tasks: &mut Background<Self>) {
        tasks.run_shared(|module, ctx| async move {
            let runner = SagaRunner(Follower {
                name: S::NAME,
                store: module.store.clone(),
                control: Arc::clone(&module.control),
                ctx,
            });
            runner.run().await
        });
    }
}

impl<S: Saga> Construct for Sagas<S> {
    async fn construct(resources: &Resources) -> Result<Self> {
        let store = Resource::<Store>::of(resources)?;
        let control = store.follow(S::NAME, S::DESCRIPTOR.declaration)?;
        Ok(Sagas {
            store: (*store).clone(),
            control,
            saga: PhantomData,
        })
    }
}

impl<S: Saga> Shared for Sagas<S> {}

impl<S: Saga> fmt::Debug for Sagas<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sagas")
            .field("of", &S::DESCRIPTOR.declaration.name)
            .field("position", &*self.control.position.borrow())
            .finish_non_exhaustive()
    }
}
