//! [`Aggregates`]: the module that an aggregate's commands and queries go to.

use std::fmt;
use std::time::Duration;

use crate::context::Context;
use crate::envelope::{Given, Parcel};
use crate::error::Result;
use crate::eventstore::aggregate::passivating::passivate_every;
use crate::eventstore::aggregate::repository::Repository;
use crate::eventstore::aggregate::unexecuted::{Unexecuted, attempted};
use crate::eventstore::aggregate::{Aggregate, AggregateHandler, Events};
use crate::eventstore::store::Store;
use crate::message::{ByValue, Command, Message, Query, Reads, Writes};
use crate::module::{
    Attempt, Background, Concurrently, Construct, Module, ModuleDescriptor, Replied, ReplySink,
    Routes, Shared, SharedHandler,
};
use crate::resources::{InitArgument, Resource, Resources};
use crate::routing::{Caller, Listed};

/// All aggregates of the type `A`, as a module: what its commands and queries go to.
/// [`#[aggregate]`](macro@crate::aggregate) makes it part of the program; it is named where modules are, as
/// in `#[nether::main(modules = [Aggregates<Account>])]`.
///
/// It is a shared module: commands to different aggregates are decided upon concurrently, those to one
/// aggregate one at a time, in the order they came. A query waits for the commands before it.
pub struct Aggregates<A: Aggregate> {
    repository: Repository<A>,
}

impl<A: Aggregate> Aggregates<A> {
    /// The aggregates in that store, for a system that is [isolated](crate::SystemBuilder::isolated): what
    /// decisions ask for is taken from `resources`, as the system takes it from what the program provides.
    async fn made(resources: &Resources) -> Result<Self> {
        let store = Resource::<Store>::of(resources, None)?;
        store.claim(A::NAME, A::DESCRIPTOR.declaration)?;
        Ok(Aggregates {
            repository: Repository::new((*store).clone(), A::resources(resources)?),
        })
    }

    async fn passivate(&self, ctx: Context<Self>) {
        let idle = A::SETTINGS.idle;
        let interval = (idle / 4).max(Duration::from_millis(100));
        let passivate = || self.repository.cache.passivate(idle);
        let aggregate = A::DESCRIPTOR.declaration.name;
        passivate_every(interval, aggregate, &ctx, passivate).await;
    }
}

#[diagnostic::do_not_recommend]
impl<A: Aggregate> Caller for Aggregates<A> {
    type Rule = Listed;
}

#[diagnostic::do_not_recommend]
impl<A: Aggregate> Module for Aggregates<A> {
    type Handling = Concurrently;
    const DESCRIPTOR: &'static ModuleDescriptor = A::DESCRIPTOR;
    const ROUTES: &'static [fn(&mut Routes<'_, Self>)] = A::ROUTES;

    fn background(tasks: &mut Background<Self>) {
        tasks.run_shared(|module, ctx| async move {
            module.passivate(ctx).await;
            Ok(())
        });
    }
}

impl<A: Aggregate> Construct for Aggregates<A> {
    async fn construct(resources: &Resources) -> Result<Self> {
        Self::made(resources).await
    }
}

impl<A: Aggregate> Shared for Aggregates<A> {}

#[allow(private_bounds)] // The access of a message is one of two.
impl<A, M> SharedHandler<Given<M>> for Aggregates<A>
where
    A: Aggregate,
    M: ByValue<Access: Runs<A, Given<M>>> + Send,
{
    async fn handle<S: ReplySink<Given<M>>>(
        _: &Self,
        _: &mut Given<M>,
        _: &Context<Self>,
        _: S,
    ) -> S::Settled {
        unreachable!("`attempt` is overridden, and nothing else calls this")
    }

    async fn attempt(
        module: &Self,
        parcel: &mut Given<M>,
        ctx: &Context<Self>,
    ) -> Attempt<<Given<M> as Parcel>::Message>
    where
        Given<M>: Parcel,
    {
        attempt::<A, M::Access, Given<M>>(module, parcel, ctx).await
    }
}

/// The access of a message that an aggregate handles: a command is decided upon, a query answered. In terms
/// of parcels, as the methods of [`SharedHandler`] are, so that the compiler sees that they are the same.
trait Runs<A: Aggregate, P: Parcel> {
    fn run(
        repository: &Repository<A>,
        parcel: &mut P,
        ctx: &Context<Aggregates<A>>,
    ) -> impl Future<Output = Result<Replied<P::Message>, Unexecuted>> + Send;
}

#[diagnostic::do_not_recommend]
impl<A, C> Runs<A, Given<C>> for Writes
where
    A: Aggregate
        + AggregateHandler<
            C,
            Itself = C,
            Reply = C::Reply,
            Error = C::Error,
            Outcome = Events<A>,
            OfState = <C as Message>::Reply,
        >,
    C: Command,
{
    async fn run(
        repository: &Repository<A>,
        parcel: &mut Given<C>,
        ctx: &Context<Aggregates<A>>,
    ) -> Result<Replied<C>, Unexecuted> {
        repository.execute(parcel.message(), ctx).await
    }
}

#[diagnostic::do_not_recommend]
impl<A, Q> Runs<A, Given<Q>> for Reads
where
    A: Aggregate
        + AggregateHandler<
            Q,
            Itself = Q,
            Reply = Q::Reply,
            Error = Q::Error,
            Outcome = <Q as Message>::Reply,
        >,
    Q: Query,
{
    async fn run(
        repository: &Repository<A>,
        parcel: &mut Given<Q>,
        ctx: &Context<Aggregates<A>>,
    ) -> Result<Replied<Q>, Unexecuted> {
        repository.answer(parcel.message(), ctx).await
    }
}

async fn attempt<A: Aggregate, Access: Runs<A, P>, P: Parcel>(
    module: &Aggregates<A>,
    parcel: &mut P,
    ctx: &Context<Aggregates<A>>,
) -> Attempt<P::Message> {
    let handler = Access::run(&module.repository, parcel, ctx);
    attempted::<_, P>(handler, ctx).await
}

impl<A: Aggregate> fmt::Debug for Aggregates<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aggregates")
            .field("of", &A::DESCRIPTOR.declaration.name)
            .field("in_memory", &self.repository.cache.len())
            .finish_non_exhaustive()
    }
}
