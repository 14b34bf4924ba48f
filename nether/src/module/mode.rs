//! [`Mode`]: how messages reach a module, and [`Routes`]: the ways through its cells that they take.

use std::fmt;
use std::sync::Arc;

use crate::envelope::Parcel;
use crate::mediator::Erased;
use crate::message::{Message, MessageDescriptor};
use crate::module::Module;
use crate::module::cell::{ModuleCell, Way};

/// How messages reach a module of type `M`: [`OneAtATime`], [`Concurrently`] or [`PerKey`]. A module names
/// one of these and not its cell, so that the compiler, for each module, proves nothing about the inside of a
/// cell.
#[doc(hidden)]
pub trait Mode<M> {
    /// What stands between the senders and the module.
    type Cell: ModuleCell<M, Value = Self::Value>;
    /// What the framework makes when the module starts: the module itself, or what makes its values later.
    type Value: Send + 'static;
}

/// A [`Mode`] in which the module itself is made when it starts.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a module with a value for each key cannot be attached",
    label = "has a value for each key",
    note = "the framework makes its values by `#[init]`: it starts with the system, or by `System::builder().with::<..>()`"
)]
pub trait SingleValue<M>: Mode<M, Value = M> {}

#[diagnostic::do_not_recommend]
impl<M, H: Mode<M, Value = M>> SingleValue<M> for H {}

/// Through a mailbox.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum OneAtATime {}

/// In the sender's task, or one of its own.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Concurrently {}

/// In the sender's task, or one of its own, but the messages of one key one at a time.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum PerKey {}

/// What the framework makes when a module of type `M` starts.
pub(crate) type ValueOf<M> = <<M as Module>::Handling as Mode<M>>::Value;

/// The cell of a module of type `M`.
pub(crate) type CellOf<M> = <<M as Module>::Handling as Mode<M>>::Cell;

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
