//! [`Projections`]: the module that keeps a projection up to date, and that its queries go to.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use crate::context::Context;
use crate::envelope::{Given, Parcel};
use crate::error::{Error, Result};
use crate::eventstore::control::{Control, FollowerSeat};
use crate::eventstore::follower::{Follower, prepare};
use crate::eventstore::handling::within_unit;
use crate::eventstore::lease::FreeLease;
use crate::eventstore::projection::handle::ProjectionKind;
use crate::eventstore::projection::runner::ProjectionRunner;
use crate::eventstore::projection::state::ProjectionState;
use crate::eventstore::projection::{Answers, Projection};
use crate::eventstore::store::Store;
use crate::guarded::{Guarded, HandlerFault};
use crate::message::{Message, Query};
use crate::module::{
    Attempt, Background, Concurrently, Construct, LeaseStatus, Module, ModuleDescriptor, Replied,
    ReplySink, Routes, Shared, SharedHandler, end_observed, observed,
};
use crate::resources::{InitArgument, Resource, Resources};
use crate::routing::{Caller, Listed};
use crate::sync::lock;

/// A projection, as a module: what keeps it up to date, and what its queries go to.
/// [`#[projection]`](macro@crate::projection) makes it part of the program; it is named where modules are, as
/// in `#[nether::main(modules = [Projections<Balances>])]`.
///
/// A query that comes before the projection has caught up with where the store was when the program started
/// waits for that.
pub struct Projections<P: Projection> {
    state: Arc<ProjectionState<P>>,
    store: Store,
    control: Arc<Control<ProjectionKind>>,
    /// Its runner until that begins, and the place of it.
    seat: Mutex<Option<(FollowerSeat<ProjectionKind>, ProjectionRunner<P>)>>,
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
        tasks.run_vital(|module, ctx| {
            // Moved before the task is polled, so that every wait for the runner ends even if the task never
            // runs.
            let seat = lock(&module.seat).take();
            let store = module.store.clone();
            async move {
                match seat {
                    Some((seat, runner)) => Follower::run(store, ctx, seat, runner).await,
                    None => Ok(()),
                }
            }
        });
    }

    fn lease(module: &Self) -> Option<LeaseStatus> {
        module.control.lease()
    }
}

impl<P: Projection> Construct for Projections<P> {
    async fn construct(resources: &Resources) -> Result<Self> {
        let store = Resource::<Store>::of(resources, None)?;
        if let Some(how) = &P::IN_TRANSACTION {
            how.check(&store)?;
        }
        let is_stored = P::SETTINGS.is_stored();
        if is_stored {
            prepare::<ProjectionRunner<P>>(&store).await?;
        }
        let made_at = match is_stored {
            true => FreeLease::find(P::NAME, &store).await,
            false => None,
        };
        // Read behind the lease: who takes that meanwhile may make other tables the live ones.
        let tables = ProjectionRunner::<P>::live_tables(&store).await?;
        let made = P::make(resources, tables.clone()).await?;
        let seat = store.follow(P::NAME, is_stored, P::DESCRIPTOR.declaration)?;
        let runner = ProjectionRunner::new(made, tables, resources.clone(), made_at);
        Ok(Projections {
            state: Arc::clone(&runner.state),
            store: (*store).clone(),
            control: Arc::clone(&seat.control),
            seat: Mutex::new(Some((seat, runner))),
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
        _: &Self,
        _: &mut Given<Q>,
        _: &Context<Self>,
        _: S,
    ) -> S::Settled {
        unreachable!("`attempt` is overridden, and nothing else calls this")
    }

    async fn attempt(
        module: &Self,
        parcel: &mut Given<Q>,
        ctx: &Context<Self>,
    ) -> Attempt<<Given<Q> as Parcel>::Message>
    where
        Given<Q>: Parcel,
    {
        attempt::<P, Given<Q>>(module, parcel, ctx).await
    }
}

/// As [`Answers`], in terms of parcels: as those of [`SharedHandler`] are, so that the compiler sees that
/// they are the same.
trait AnswersParcel<R: Parcel>: Projection {
    fn answer_parcel(&self, parcel: &mut R) -> impl Future<Output = Replied<R::Message>> + Send;
}

impl<P, Q> AnswersParcel<Given<Q>> for P
where
    P: Projection + Answers<Q, Itself = Q, Reply = Q::Reply, Error = Q::Error>,
    Q: Query,
{
    async fn answer_parcel(&self, parcel: &mut Given<Q>) -> Replied<Q> {
        self.answer(parcel.message()).await
    }
}

async fn attempt<P: AnswersParcel<R>, R: Parcel>(
    module: &Projections<P>,
    parcel: &mut R,
    ctx: &Context<Projections<P>>,
) -> Attempt<R::Message> {
    let result = {
        let handler = pin!(answered(module, parcel, ctx));
        let observed = observed(ctx, R::Message::descriptor);
        let result = Guarded::new(handler, observed.as_deref()).await;
        let result = match result {
            Ok(Ok(replied)) => Ok(replied),
            Ok(Err(fault)) | Err(fault) => Err(fault),
        };
        end_observed::<R::Message>(observed, result)
    };
    Attempt::Ended(result)
}

/// Answers a query, within its time and that of the unit of work: what it holds, events wait for.
async fn answered<P: AnswersParcel<R>, R: Parcel>(
    module: &Projections<P>,
    parcel: &mut R,
    ctx: &Context<Projections<P>>,
) -> Result<Replied<R::Message>, HandlerFault> {
    let view = async {
        module.control.ready().await?;
        Ok::<_, Error>(module.state.view().await)
    };
    let view = within_unit(view, None, ctx).await?;
    let view = view.map_err(|not_running| HandlerFault::Unavailable(Box::new(not_running)))?;
    let answer = view.answer_parcel(parcel);
    Ok(within_unit(answer, P::SETTINGS.policy.timeout, ctx).await?)
}

impl<P: Projection> fmt::Debug for Projections<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projections")
            .field("of", &P::DESCRIPTOR.declaration.name)
            .field("position", &self.control.position())
            .finish_non_exhaustive()
    }
}
