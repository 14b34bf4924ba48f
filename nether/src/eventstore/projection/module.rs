//! [`Projections`]: the module that keeps a projection up to date, and that its queries go to.

use std::fmt;
use std::sync::Arc;

use tokio::sync::RwLock;

use crate::context::Context;
use crate::envelope::Given;
use crate::error::Result;
use crate::eventstore::control::Control;
use crate::eventstore::follower::Follower;
#[cfg(feature = "sqlite")]
use crate::eventstore::projection::Keeps;
use crate::eventstore::projection::runner::ProjectionRunner;
use crate::eventstore::projection::{Answers, Projection};
use crate::eventstore::store::Store;
use crate::message::Query;
use crate::module::{
    Background, Concurrently, Construct, Module, ModuleDescriptor, ReplySink, Routes, Shared,
    SharedHandler,
};
use crate::resources::{InitArgument, Resource, Resources};
use crate::routing::{Caller, Listed};

/// A projection, as a module: what keeps it up to date, and what its queries go to.
/// [`#[projection]`](macro@crate::projection) makes it part of the program; it is named where modules are, as
/// in `#[nether::main(modules = [Projections<Balances>])]`.
///
/// A query that comes before the projection has caught up with where the store was when the program started
/// waits for that.
pub struct Projections<P: Projection> {
    state: Arc<RwLock<P>>,
    store: Store,
    control: Arc<Control>,
    resources: Resources,
}

#[diagnostic::do_not_recommend]
impl<P: Projection> Caller for Projections<P> {
    type Rule = Listed;
}

#[diagnostic::do_not_recommend]
impl<P: Projection> Module for Projections<P> {
    type Handling = Concurrently;
    const DESCRIPTOR: &'static ModuleDescriptor = P::DESCRIPTOR;
    const ROUTES: &'static [fn(&mut Routes<'_, Self>)] = P::ROUTES;

    fn background(tasks: &mut Background<Self>) {
        tasks.run_shared(|module, ctx| async move {
            let follower = Follower {
                name: P::NAME,
                store: module.store.clone(),
                control: Arc::clone(&module.control),
                ctx,
            };
            let runner = ProjectionRunner {
                follower: Arc::new(follower),
                state: Arc::clone(&module.state),
                resources: module.resources.clone(),
            };
            runner.run().await
        });
    }
}

impl<P: Projection> Construct for Projections<P> {
    async fn construct(resources: &Resources) -> Result<Self> {
        let store = Resource::<Store>::of(resources)?;
        #[cfg(feature = "sqlite")]
        if P::SETTINGS.keeps == Keeps::InTransaction {
            store.check_transactions()?;
        }
        let state = P::make(resources).await?;
        let control = store.follow(P::NAME, P::DESCRIPTOR.declaration)?;
        Ok(Projections {
            state: Arc::new(RwLock::new(state)),
            store: (*store).clone(),
            control,
            resources: resources.clone(),
        })
    }
}

impl<P: Projection> Shared for Projections<P> {}

impl<P, Q> SharedHandler<Given<Q>> for Projections<P>
where
    P: Projection + Answers<Q, Itself = Q, Reply = Q::Reply, Error = Q::Error>,
    Q: Query,
{
    async fn handle<S: ReplySink<Given<Q>>>(
        module: &Self,
        parcel: &mut Given<Q>,
        _: &Context<Self>,
        settle: S,
    ) -> S::Settled {
        module.control.ready().await;
        let projection = module.state.read().await;
        settle.settle(projection.answer(parcel.message()).await)
    }
}

impl<P: Projection> fmt::Debug for Projections<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projections")
            .field("of", &P::DESCRIPTOR.declaration.name)
            .field("position", &*self.control.position.borrow())
            .finish_non_exhaustive()
    }
}
