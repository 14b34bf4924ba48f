//! [`Hosting`]: how a module whose handlers run concurrently keeps its state; [`Whole`]: as one value.

use std::future::pending;
use std::sync::Arc;

use arc_swap::Guard;
use tokio::task::yield_now;

use crate::context::{Context, Handle};
use crate::envelope::{Label, Parcel};
use crate::error::{Deadlock, Result};
use crate::module::handler::{Attempt, SharedHandler};
use crate::module::keyed::LiveGuard;
use crate::module::shared::SharedCell;
use crate::module::tally::Crash;
use crate::module::{KeyedStatus, Module, Shared};
use crate::route::NextTry;
use crate::scope::Scope;

/// How a module whose handlers run concurrently keeps its state: as one value, or as one for each key.
#[doc(hidden)]
#[allow(private_interfaces)] // Named by the hidden part of `Module`; not called outside.
pub trait Hosting<M: Module>: Send + Sync + Sized + 'static {
    /// The value that is made when the module starts: the module, or what makes its values.
    type Value: Send + Sync + 'static;
    /// The claim that a message holds from when it is accepted until its handler has ended.
    type Turn: Send + 'static;

    /// Whether messages wait for others, and not for places, before they are handled. Then what a handler
    /// causes never waits for a place: a message that has one may wait for another that has none.
    const HAS_TURNS: bool;

    fn new() -> Self;

    /// Whether what is made lives on after a crash of a handler.
    fn outlives_handlers() -> bool;

    /// Runs `#[on_start]`, if the made value is the module itself.
    fn on_start(
        value: &mut Self::Value,
        ctx: &Context<M>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The module, if it is what is made.
    fn whole(value: Arc<Self::Value>) -> Option<Arc<M>>;

    /// The cell begins to run, with this handle to the unit of work of the module.
    fn begin(&self, _: &Handle) {}

    /// Runs beside the module while that is at work. It does not end by itself.
    fn meanwhile(_: &Arc<SharedCell<M, Self>>) -> impl Future<Output = ()> + Send {
        pending()
    }

    /// Ends the last of what was made.
    fn on_stop(
        cell: &Arc<SharedCell<M, Self>>,
        value: &Self::Value,
        ctx: &Context<M>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The counts of its values, if it has one for each key.
    fn status(&self) -> Option<KeyedStatus> {
        None
    }

    /// A message waits for its turn from now on, until what this gives back is dropped.
    fn note_wait(&self) -> Option<LiveGuard> {
        None
    }

    /// Waits until the messages that wait in the tasks of callers have noticed that the module is cut off,
    /// and are counted. Those that wait for their turn are waited for exactly; others may notice meanwhile.
    fn callers_notice(&self) -> impl Future<Output = ()> + Send {
        yield_now()
    }

    /// What tells the messages that wait for each other from those that do not; 0 if no message waits.
    fn line(_: &Self::Turn) -> u64 {
        0
    }

    /// Whether the message has nothing to do: it is for the values that are in memory, and its own has left.
    fn is_moot(_: &Self::Turn) -> bool {
        false
    }

    /// Whether the message can be handled without waiting for others.
    fn is_turn(_: &Self::Turn) -> bool {
        true
    }

    /// Waits for those before it, or until there is a reason not to begin any more.
    ///
    /// # Errors
    /// If one of those waits for this one.
    fn wait_for_turn(
        _: &SharedCell<M, Self>,
        _: &mut Self::Turn,
        _: &Arc<Scope>,
        _: Label,
    ) -> impl Future<Output = Result<(), Deadlock>> + Send {
        async { Ok(()) }
    }

    /// Why the message cannot be handled though it is its turn.
    fn obstacle(_: &SharedCell<M, Self>, _: &Self::Turn) -> Option<NextTry> {
        None
    }

    /// A handler crashed.
    fn crashed(
        cell: &SharedCell<M, Self>,
        value: &Guard<Option<Arc<Self::Value>>>,
        turn: &mut Self::Turn,
        crash: Crash,
    );
}

/// How messages packed as `P` are handled.
pub(crate) trait Handles<M: Module, P: Parcel>: Hosting<M> {
    /// The message is accepted: it is behind those that were accepted before.
    ///
    /// # Errors
    /// If it is refused until then.
    fn enter(cell: &Arc<SharedCell<M, Self>>, parcel: &P) -> Result<Self::Turn, NextTry>;

    /// How the message is copied for each value, if it is an event for all values that are in memory.
    #[inline]
    fn copy_for_all(_: &P) -> Option<fn(&P) -> P> {
        None
    }

    /// Such a message is accepted: for each value it is behind the messages that were accepted before.
    fn enter_all(_: &Arc<SharedCell<M, Self>>) -> Vec<Self::Turn> {
        Vec::new()
    }

    /// Runs the handler.
    fn attempt(
        cell: &Arc<SharedCell<M, Self>>,
        value: &Self::Value,
        turn: &mut Self::Turn,
        parcel: &mut P,
        ctx: &Context<M>,
    ) -> impl Future<Output = Attempt<P::Message>> + Send;
}

/// One value, which all handlers borrow.
#[doc(hidden)]
#[derive(Debug)]
pub struct Whole;

#[allow(private_interfaces)]
impl<M: Module + Shared> Hosting<M> for Whole {
    type Value = M;
    type Turn = ();

    const HAS_TURNS: bool = false;

    fn new() -> Self {
        Whole
    }

    fn outlives_handlers() -> bool {
        M::descriptor().restart.outlives_handlers()
    }

    fn on_start(module: &mut M, ctx: &Context<M>) -> impl Future<Output = Result<()>> + Send {
        M::on_start(module, ctx)
    }

    fn whole(module: Arc<M>) -> Option<Arc<M>> {
        Some(module)
    }

    fn on_stop(
        _: &Arc<SharedCell<M, Self>>,
        module: &M,
        ctx: &Context<M>,
    ) -> impl Future<Output = Result<()>> + Send {
        M::on_stop(module, ctx)
    }

    fn crashed(
        cell: &SharedCell<M, Self>,
        module: &Guard<Option<Arc<M>>>,
        (): &mut (),
        crash: Crash,
    ) {
        cell.crashed(module, crash);
    }
}

impl<M, P> Handles<M, P> for Whole
where
    M: Module + Shared + SharedHandler<P>,
    P: Parcel,
{
    #[inline]
    fn enter(_: &Arc<SharedCell<M, Self>>, _: &P) -> Result<(), NextTry> {
        Ok(())
    }

    #[inline]
    fn attempt(
        _: &Arc<SharedCell<M, Self>>,
        module: &M,
        (): &mut (),
        parcel: &mut P,
        ctx: &Context<M>,
    ) -> impl Future<Output = Attempt<P::Message>> + Send {
        M::attempt(module, parcel, ctx)
    }
}
