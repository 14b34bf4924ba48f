//! Placeholder, to be written.

extern crate self as nether;

mod answer;
mod context;
mod declaration;
mod entry;
mod envelope;
mod error;
mod events;
mod mediator;
mod message;
mod module;
mod race;
mod registry;
mod resources;
mod route;
mod routing;
mod scope;
mod sync;
mod system;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use self::context::{Calling, Context, Outcome, Posting, QueryContext, Subscription};
pub use self::declaration::Declaration;
pub use self::error::{
    AttachError, CallError, ContextError, Error, Failure, FailureKind, HandlerError, NoRoute,
    Panic, Problem, Result, SendError, StartError, TooDeep,
};
pub use self::events::{DeadLetter, HandlerFailed};
pub use self::message::{
    Command, Event, Message, MessageDescriptor, MessageId, MessageKind, Query,
};
pub use self::module::{Module, ModuleKind};
pub use self::registry::{Edge, MessageNode, ModuleNode, Relation, Topology};
pub use self::resources::Resource;
pub use self::routing::{Calls, Emits, HandledBy, Root, Sender};
pub use self::scope::{ContextId, MessageKey};
pub use self::system::{
    Attached, DeadLetters, ModuleStatus, ShutdownReport, System, SystemBuilder,
};

pub use nether_macros::{command, event, main, module, query, test};

pub mod prelude {
    //! What nearly every file needs.
    pub use crate::{
        CallError, Command as _, Context, Event as _, Message as _, MessageId, Query as _,
        QueryContext, Resource, System, SystemBuilder, command, event, module, query,
    };
}
