//! What the attributes of the whole program declared, read once; and what is wrong with it.

mod check;
mod collect;
mod cycle;
mod topology;

pub(crate) use self::check::{Program, check};
pub(crate) use self::collect::Registry;
pub(crate) use self::cycle::start_order;
pub use self::topology::{Edge, MessageNode, ModuleNode, Relation, Requirement, Topology};
