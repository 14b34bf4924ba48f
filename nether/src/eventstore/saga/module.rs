//! [`Sagas`]: the module that runs the sagas of one type.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::eventstore::control::{Control, FollowerSeat};
use crate::eventstore::follower::{Follower, prepare};
use crate::eventstore::saga::Saga;
use crate::eventstore::saga::awaiting::{AnswerLookout, AnswerSource, AnswerWaits};
use crate::eventstore::saga::handle::SagaKind;
use crate::eventstore::saga::runner::SagaRunner;
use crate::eventstore::store::Store;
use crate::module::{
    Background, Concurrently, Construct, LeaseStatus, Module, ModuleDescriptor, Routes, Shared,
};
use crate::race::race;
use crate::resources::{InitArgument, Resource, Resources};
use crate::routing::{Caller, Listed};
use crate::sync::lock;

/// All sagas of the type `S`, as a module. [`#[saga]`](macro@crate::saga) makes it part of the program; it is
/// named where modules are, as in `#[nether::main(modules = [Sagas<Transfer>])]`.
pub struct Sagas<S: Saga> {
    pub(super) store: Store,
    control: Arc<Control<SagaKind>>,
    /// The callers that wait for the answers of sagas.
    pub(super) waits: Arc<AnswerWaits>,
    /// The place of the runner, until that begins.
    seat: Mutex<Option<FollowerSeat<SagaKind>>>,
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
    const ROUTES: &'static [fn(&mut Routes<'_, Self>)] = S::ROUTES;
    // A command waits there until its saga is over, and the saga may need another command to be accepted.
    const IS_UNBOUNDED: bool = true;

    fn background(tasks: &mut Background<Self>) {
        tasks.run_vital(|module, ctx| {
            // Moved before the task is polled, so that every wait for the runner ends even if the task never
            // runs.
            let seat = lock(&module.seat).take();
            let store = module.store.clone();
            async move {
                match seat {
                    Some(seat) => Follower::run(store, ctx, seat, SagaRunner::<S>::new()).await,
                    None => Ok(()),
                }
            }
        });
        if S::COMMANDS.is_empty() {
            return;
        }
        tasks.run_vital(|module, ctx| {
            // As the place of the runner: every wait for an answer ends even if the task never runs.
            let lookout = AnswerLookout::over(&module.waits);
            let source = AnswerSource {
                saga: S::NAME,
                store: module.store.clone(),
                control: Arc::clone(&module.control),
            };
            async move {
                let look = lookout.look(&source, &ctx.handle().scope);
                race(look, ctx.cancelled()).await;
                Ok(())
            }
        });
    }

    fn lease(module: &Self) -> Option<LeaseStatus> {
        module.control.lease()
    }
}

impl<S: Saga> Construct for Sagas<S> {
    async fn construct(resources: &Resources) -> Result<Self> {
        let store = Resource::<Store>::of(resources, None)?;
        if !S::COMMANDS.is_empty() {
            store.claim(S::NAME, S::DESCRIPTOR.declaration)?;
        }
        prepare::<SagaRunner<S>>(&store).await?;
        let seat = store.follow(S::NAME, true, S::DESCRIPTOR.declaration)?;
        Ok(Sagas {
            store: (*store).clone(),
            control: Arc::clone(&seat.control),
            waits: Arc::default(),
            seat: Mutex::new(Some(seat)),
            saga: PhantomData,
        })
    }
}

impl<S: Saga> Shared for Sagas<S> {}

impl<S: Saga> fmt::Debug for Sagas<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sagas")
            .field("of", &S::DESCRIPTOR.declaration.name)
            .field("position", &self.control.position())
            .finish_non_exhaustive()
    }
}
