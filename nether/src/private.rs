//! Not public API. Used by generated code: every path that an expansion may name.

#![allow(missing_docs)]

pub use std::convert::From;
pub use std::default::Default;
pub use std::future::Future;
pub use std::marker::Send;
pub use std::option::Option;
pub use std::process::ExitCode;
pub use std::result::Result;
pub use std::sync::Arc;

pub use {inventory, serde};

pub use crate::answer::{IntoModule, IntoOutcome, IntoReply};
pub use crate::context::{Context, QueryContext};
pub use crate::declaration::Declaration;
pub use crate::entry::{World, closed_world};
pub use crate::envelope::{Given, Parcel, Shown};
pub use crate::error::Error;
pub use crate::message::{
    ByValue, Command, Event, MayChange, Message, MessageDescriptor, MessageId, MessageKind,
    MessageProof, MessageRegistration, Query,
};
pub use crate::module::{
    Background, Construct, Exclusive, ExclusiveCell, Handles, Module, ModuleDescriptor, ModuleKind,
    ModuleRegistration, Routes, Serves, Shared, SharedCell, Verdict, by_default, launch,
};
pub use crate::resources::{InitArgument, Resource, ResourceDescriptor, Resources};
pub use crate::routing::{
    AnyNumberOfModules, Calls, Emits, HandledBy, Listed, NoMessage, Open, Sender,
};

pub mod entry {
    //! What `#[nether::main]` and `#[nether::test]` run.

    pub use crate::entry::{Argument, Flavor, Options, main, test};
}

/// What the handler of `M` gives back in the end.
pub type Replied<M> = Result<<M as Message>::Reply, <M as Message>::Error>;

/// Asserts that the handler of `M` may change its module and send messages.
pub const fn assert_may_change<M: MayChange>() {}
