//! [`Cell`]: what stands between the senders and a module: a mailbox, or shared ownership.

use std::sync::Arc;

use crate::context::Handle;
use crate::declaration::Declaration;
use crate::envelope::Parcel;
use crate::error::Result;
use crate::mediator::{Erased, Stopping};
use crate::message::{Message, MessageDescriptor};
use crate::module::Module;
use crate::module::tally::Tally;
use crate::route::{BoxFuture, Route};

/// What stands between the senders and a module. Senders have it before the module is there, and after it is gone.
#[doc(hidden)]
#[allow(private_interfaces)] // Named by the hidden part of `Module`; nobody outside calls it.
pub trait Cell<M>: Send + Sync + Sized + 'static {
    /// A cell without a module.
    fn new(bound: usize, declaration: &'static Declaration, stopping: Arc<Stopping>) -> Self;

    /// Lets the module work until the cell is closed and empty, then runs its `#[on_stop]`.
    fn serve(self: Arc<Self>, module: M, standing: Handle) -> BoxFuture<Result<()>>;

    /// There will be no module: whoever waits for it is refused.
    fn give_up(&self);

    /// Accepts nothing more.
    fn close(&self);

    /// Ends what still runs, and buries what nobody will handle any more.
    fn cut_off(&self) -> impl Future<Output = ()> + Send;

    /// How many messages were ever accepted.
    fn accepted(&self) -> u64;

    /// How many messages wait.
    fn waiting(&self) -> usize;

    /// What the module has done.
    fn tally(&self) -> &Tally;

    /// The module, for its background tasks, if it is shared.
    fn shared(&self) -> Option<Arc<M>>;
}

/// The way through a cell for one type of parcel.
#[doc(hidden)]
pub trait Way<P> {
    /// The route.
    #[allow(private_interfaces)]
    fn route(self: &Arc<Self>) -> Route<P>
    where
        P: Parcel;
}

/// Collects the routes of a module.
#[doc(hidden)]
#[derive(Debug)]
pub struct Routes<'a, M: Module> {
    cell: &'a Arc<M::Cell>,
    pub(crate) list: Vec<(&'static MessageDescriptor, Erased)>,
}

impl<'a, M: Module> Routes<'a, M> {
    pub(crate) fn of(cell: &'a Arc<M::Cell>) -> Vec<(&'static MessageDescriptor, Erased)> {
        let mut routes = Routes {
            cell,
            list: Vec::new(),
        };
        M::routes(&mut routes);
        routes.list
    }

    /// Adds the route of one type of message.
    pub fn add<P>(&mut self)
    where
        P: Parcel,
        M::Cell: Way<P>,
    {
        self.list
            .push((P::Message::descriptor(), self.cell.route().erased()));
    }
}
