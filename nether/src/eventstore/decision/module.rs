//! [`Decisions`]: the module that the commands of a decision go to.

use std::fmt;
use std::time::Duration;

use crate::context::Context;
use crate::envelope::{Given, Parcel};
use crate::error::Result;
use crate::eventstore::aggregate::{Unexecuted, attempted, passivate_every};
use crate::eventstore::decision::participants::Participating;
use crate::eventstore::decision::{Decision, DecisionHandler, DecisionParts};
use crate::eventstore::store::Store;
use crate::message::Command;
use crate::module::{
    Attempt, Background, Concurrently, Construct, Module, ModuleDescriptor, Replied, ReplySink,
    Routes, Shared, SharedHandler,
};
use crate::resources::{InitArgument, Resource, Resources};
use crate::routing::{Caller, Listed};

/// The commands of the decision `D`, as a module. [`#[decision]`](macro@crate::decision) makes it part of the
/// program; it is named where modules are, as in `#[nether::main(modules = [Decisions<Transfers>, ..])]`.
///
/// It is a shared module: a command waits for its turn at each of its aggregates, in the order of their
/// streams' names, and has the aggregates in common with their [`Aggregates`](crate::eventstore::Aggregates),
/// which need not be part of the same system.
pub struct Decisions<D: Decision> {
    pub(super) store: Store,
    pub(super) caches: <<D as DecisionParts>::Of as Participating>::Caches,
    pub(super) resources: D::Resources,
}

/// How often aggregates that are not used are looked for.
const PASSIVATED_EVERY: Duration = Duration::from_secs(30);

impl<D: Decision> Decisions<D> {
    /// # Errors
    /// If the store cannot append to several streams in one transaction, or a resource is missing.
    async fn made(resources: &Resources) -> Result<Self> {
        let store = Resource::<Store>::of(resources, None)?;
        if !store.can_append_all() {
            return Err(CannotAppendAll(D::DESCRIPTOR.declaration.name).into());
        }
        Ok(Decisions {
            caches: <D::Of as Participating>::caches(&store)?,
            store: (*store).clone(),
            resources: D::resources(resources)?,
        })
    }

    async fn passivate(&self, ctx: Context<Self>) {
        let passivate = || <D::Of as Participating>::passivate(&self.caches);
        let decision = D::DESCRIPTOR.declaration.name;
        passivate_every(PASSIVATED_EVERY, decision, &ctx, passivate).await;
    }
}

/// The store of the program cannot do what the decision of that name needs.
#[derive(Debug)]
struct CannotAppendAll(&'static str);

impl fmt::Display for CannotAppendAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` decides over several aggregates, and this event store cannot append to several streams in one transaction: provide a \
             store that can, such as `nether_sqlite::SqliteStore`, or, if the store is yours, implement `EventStore::append_all` and \
             return `true` from `can_append_all`; without it, one aggregate decides at a time, and a saga connects them",
            self.0
        )
    }
}

impl std::error::Error for CannotAppendAll {}

#[diagnostic::do_not_recommend]
impl<D: Decision> Caller for Decisions<D> {
    type Rule = Listed;
}

#[diagnostic::do_not_recommend]
impl<D: Decision> Module for Decisions<D> {
    type Handling = Concurrently;
    const DESCRIPTOR: &'static ModuleDescriptor = D::DESCRIPTOR;
    const ROUTES: &'static [fn(&mut Routes<'_, Self>)] = D::ROUTES;

    fn background(tasks: &mut Background<Self>) {
        tasks.run_shared(|module, ctx| async move {
            module.passivate(ctx).await;
            Ok(())
        });
    }
}

impl<D: Decision> Construct for Decisions<D> {
    async fn construct(resources: &Resources) -> Result<Self> {
        Self::made(resources).await
    }
}

impl<D: Decision> Shared for Decisions<D> {}

#[allow(private_bounds)] // A parcel holds a command that the decision handles.
impl<D, C> SharedHandler<Given<C>> for Decisions<D>
where
    D: Decision,
    C: Command,
    Self: RunsJointly<Given<C>>,
{
    async fn handle<S: ReplySink<Given<C>>>(
        _: &Self,
        _: &mut Given<C>,
        _: &Context<Self>,
        _: S,
    ) -> S::Settled {
        unreachable!("`attempt` is overridden, and nothing else calls this")
    }

    async fn attempt(
        module: &Self,
        parcel: &mut Given<C>,
        ctx: &Context<Self>,
    ) -> Attempt<<Given<C> as Parcel>::Message>
    where
        Given<C>: Parcel,
    {
        attempt(module, parcel, ctx).await
    }
}

/// A decision that handles the command of a parcel. In terms of parcels, as the methods of [`SharedHandler`]
/// are, so that the compiler sees that they are the same.
trait RunsJointly<P: Parcel>: Module {
    fn run(
        &self,
        parcel: &mut P,
        ctx: &Context<Self>,
    ) -> impl Future<Output = Result<Replied<P::Message>, Unexecuted>> + Send;
}

#[diagnostic::do_not_recommend]
impl<D, C> RunsJointly<Given<C>> for Decisions<D>
where
    D: Decision + DecisionHandler<C, Itself = C, Reply = C::Reply, Error = C::Error>,
    C: Command,
{
    async fn run(
        &self,
        parcel: &mut Given<C>,
        ctx: &Context<Self>,
    ) -> Result<Replied<C>, Unexecuted> {
        self.execute(parcel.message(), ctx).await
    }
}

async fn attempt<M: RunsJointly<P>, P: Parcel>(
    module: &M,
    parcel: &mut P,
    ctx: &Context<M>,
) -> Attempt<P::Message> {
    attempted::<_, P>(module.run(parcel, ctx), ctx).await
}

impl<D: Decision> fmt::Debug for Decisions<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decisions")
            .field("of", &D::DESCRIPTOR.declaration.name)
            .finish_non_exhaustive()
    }
}
