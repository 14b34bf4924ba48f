//! [`ModuleCell`]: what stands between the senders and a module: a mailbox, or shared ownership.

use std::sync::{Arc, Weak};

use tokio::time::Instant;

use crate::context::{Context, Handle};
use crate::declaration::Declaration;
use crate::envelope::Parcel;
use crate::error::Result;
use crate::guarded::PanicPayload;
use crate::mediator::{HoldsMessages, Mediator};
use crate::module::KeyedStatus;
use crate::module::life::BeingHandled;
use crate::module::tally::{Crash, Tally};
use crate::route::Route;
use crate::routing::Caller;
use crate::waiting::Waiter;

/// What stands between the senders and a module. Senders have it before the module is there, and after it is
/// gone.
#[doc(hidden)]
#[allow(private_interfaces)] // Named by the hidden part of `Module`; not called outside.
pub trait ModuleCell<M>: Send + Sync + Sized + 'static {
    /// The value that is made when the module starts: the module, or what makes its values later.
    type Value: Send + 'static;
    /// What runs these.
    type Runner: ModuleRunner<Self::Value>;

    /// Runs `#[on_start]`, if that is of what is made now.
    fn on_start(
        value: &mut Self::Value,
        ctx: &Context<M>,
    ) -> impl Future<Output = Result<()>> + Send
    where
        M: Caller;

    /// A cell without a module.
    fn new(bound: usize, declaration: &'static Declaration, mediator: &Mediator) -> Self;

    /// Makes the cell known where its messages are looked for.
    fn link(cell: &Arc<Self>);

    /// Begins to run module values, of which there is none yet.
    fn runner(self: Arc<Self>, module_handle: Handle) -> Self::Runner;

    /// The module has crashed, elsewhere than in a handler.
    fn crash(&self, reason: String);

    /// There is no module before the next try. What waits and what is published to it meanwhile are dead
    /// letters; all else is refused.
    fn begin_crash_loop(&self, next_try: Instant);

    /// There is a module again.
    fn end_crash_loop(&self);

    /// There will be no module any more, after too many crashes. What waits and what is still published to it
    /// are dead letters.
    fn stop(&self);

    /// There will be no module: callers that wait for it are refused.
    fn give_up(&self);

    /// Accepts nothing more.
    fn close(&self);

    /// Ends what still runs, and turns messages that will not be handled any more into dead letters.
    fn cut_off(&self) -> impl Future<Output = ()> + Send;

    /// How many messages were ever accepted.
    fn accepted(&self) -> u64;

    /// The handlers that are at work.
    fn handling(&self) -> Vec<BeingHandled>;

    /// Holds the module up, or lets it go on.
    fn pause(&self, is_paused: bool);

    /// Whether it is held up.
    fn is_paused(&self) -> bool;

    /// How many messages wait.
    fn waiting(&self) -> usize;

    /// For how many messages there is room to wait, if they wait for the module.
    fn room(&self) -> Option<usize>;

    /// What the module has done.
    fn tally(&self) -> &Tally;

    /// The module, for its background tasks, if it is one value that is shared.
    fn shared(&self) -> Option<Arc<M>>;

    /// The counts of its values, if it has one for each key.
    fn keyed(&self) -> Option<KeyedStatus> {
        None
    }

    /// What holds its messages while they wait, if it is exclusive.
    fn mailbox(cell: &Arc<Self>) -> Option<Weak<dyn HoldsMessages>>;

    /// The module as one that waits for others.
    fn waiter(&self) -> &Arc<Waiter>;
}

/// Runs the values of a module, one after the other, and keeps what lasts from one to the next. Messages that
/// it still has when it is dropped become dead letters.
#[doc(hidden)]
#[allow(private_bounds, private_interfaces)] // As above.
pub trait ModuleRunner<V>: Send {
    /// Makes dead letters of the messages that it has from the module that crashed, which crashes again and
    /// again.
    fn give_up_taken(&mut self);

    /// Takes a module value, the first one or one in place of another that crashed.
    fn put(&mut self, value: V);

    /// Lets the module work until its cell is closed and empty, or until it crashes, and is let go.
    ///
    /// # Errors
    /// If something else than a handler panicked.
    fn run(&mut self) -> impl Future<Output = Result<RunEnd, PanicPayload>> + Send;

    /// Waits for a future, and sees meanwhile to what the module has taken.
    fn meanwhile<T: Send>(
        &mut self,
        future: impl Future<Output = T> + Send,
    ) -> impl Future<Output = T> + Send {
        future
    }

    /// Runs `#[on_stop]` of a module whose cell is closed.
    fn on_stop(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// Why a module handles no more messages.
pub(crate) enum RunEnd {
    /// Its cell is closed and empty.
    Closed,
    /// It has crashed, of this.
    Crashed(Crash),
}

/// The way through the cells of a module's instances for one type of parcel.
#[doc(hidden)]
pub trait Way<P>: Sized {
    /// The route.
    #[allow(private_interfaces)]
    fn route(cells: &[Arc<Self>]) -> Route<P>
    where
        P: Parcel;
}
