//! [`ModuleCell`]: what stands between the senders and a module: a mailbox, or shared ownership.

use std::fmt;
use std::sync::{Arc, Weak};

use tokio::sync::oneshot;

use crate::declaration::Declaration;
use crate::envelope::Parcel;
use crate::error::Result;
use crate::guarded::PanicPayload;
use crate::mediator::{Erased, HoldsMessages, Mediator};
use crate::message::{Message, MessageDescriptor};
use crate::module::instance::BeingHandled;
use crate::module::restart::Supervisor;
use crate::module::tally::Tally;
use crate::module::{Exclusive, ExclusiveCell, Module, Shared, SharedCell};
use crate::route::{BoxFuture, Route};
use crate::waiting::Waiter;

/// How the life of a module ended: what its `#[on_stop]` returned, or a panic.
pub(crate) type Ended = std::result::Result<Result<()>, PanicPayload>;

/// What stands between the senders and a module. Senders have it before the module is there, and after it is
/// gone.
#[doc(hidden)]
#[allow(private_interfaces)] // Named by the hidden part of `Module`; nobody outside calls it.
pub trait ModuleCell<M>: Send + Sync + Sized + 'static {
    /// A cell without a module.
    fn new(bound: usize, declaration: &'static Declaration, mediator: &Mediator) -> Self;

    /// Lets the module work, and those that the supervisor makes after it, until the cell is closed and
    /// empty; then runs `#[on_stop]`. Says when the module has `started`.
    fn serve(
        self: Arc<Self>,
        module: M,
        supervisor: Supervisor<M>,
        started: oneshot::Sender<Result<()>>,
    ) -> BoxFuture<Ended>
    where
        M: Module;

    /// The module has crashed, elsewhere than in a handler.
    fn crash(&self, reason: String);

    /// There will be no module any more, after too many crashes. What waits and what is still published to it
    /// are dead letters.
    fn stop(&self);

    /// There will be no module: whoever waits for it is refused.
    fn give_up(&self);

    /// Accepts nothing more.
    fn close(&self);

    /// Ends what still runs, and turns what nobody will handle any more into dead letters.
    fn cut_off(&self) -> impl Future<Output = ()> + Send;

    /// How many messages were ever accepted.
    fn accepted(&self) -> u64;

    /// What is being handled.
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

    /// The module, for its background tasks, if it is shared.
    fn shared(&self) -> Option<Arc<M>>;

    /// What holds its messages while they wait, if it is exclusive.
    fn mailbox(cell: &Arc<Self>) -> Option<Weak<dyn HoldsMessages>>;

    /// The module as one that waits for others, if it is exclusive.
    fn waiter(&self) -> Option<&Arc<Waiter>>;
}

/// How messages reach a module of type `M`: [`OneAtATime`] or [`Concurrently`]. A module names one of these
/// and not its cell, so that whoever compiles a module proves nothing about the inside of a cell.
#[doc(hidden)]
pub trait Mode<M> {
    /// What stands between the senders and the module.
    type Cell: ModuleCell<M>;
}

/// Through a mailbox.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum OneAtATime {}

/// In the sender's task, or one of its own.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Concurrently {}

impl<M: Module + Exclusive> Mode<M> for OneAtATime {
    type Cell = ExclusiveCell<M>;
}

impl<M: Module + Shared> Mode<M> for Concurrently {
    type Cell = SharedCell<M>;
}

/// The cell of a module of type `M`.
pub(crate) type CellOf<M> = <<M as Module>::Handling as Mode<M>>::Cell;

/// The way through the cells of a module's instances for one type of parcel.
#[doc(hidden)]
pub trait Way<P>: Sized {
    /// The route.
    #[allow(private_interfaces)]
    fn route(cells: &[Arc<Self>]) -> Route<P>
    where
        P: Parcel;
}

/// Collects the routes of a module.
#[doc(hidden)]
pub struct Routes<'a, M: Module> {
    cells: &'a [Arc<CellOf<M>>],
    pub(crate) list: Vec<(&'static MessageDescriptor, Erased)>,
}

impl<'a, M: Module> Routes<'a, M> {
    pub(crate) fn of(cells: &'a [Arc<CellOf<M>>]) -> Vec<(&'static MessageDescriptor, Erased)> {
        let mut routes = Routes {
            cells,
            list: Vec::new(),
        };
        for add_to in M::ROUTES {
            add_to(&mut routes);
        }
        routes.list
    }

    /// Adds the route of one type of message.
    pub(crate) fn add<P>(&mut self)
    where
        P: Parcel,
        CellOf<M>: Way<P>,
    {
        self.list.push((
            P::Message::descriptor(),
            CellOf::<M>::route(self.cells).erased(),
        ));
    }
}

impl<M: Module> fmt::Debug for Routes<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("count", &self.list.len())
            .finish()
    }
}
