//! Not public API. Used by generated code: every path that an expansion may name.

#![allow(missing_docs)]

pub use std::clone::Clone;
pub use std::convert::From;
pub use std::default::Default;
pub use std::future::Future;
pub use std::marker::{Send, Sync};
pub use std::option::Option;
pub use std::process::ExitCode;
pub use std::result::Result;
pub use std::string::String;
pub use std::sync::Arc;
pub use std::time::Duration;
pub use std::vec::Vec;

pub use nether_macros::ConditionalMessage;
pub use {inventory, serde};

pub use crate::answer::{Fallible, IntoModule, IntoOutcome, IntoReply, Plain};
pub use crate::context::{Context, QueryContext};
pub use crate::declaration::Declaration;
pub use crate::entry::closed_world;
pub use crate::envelope::{AnyParcel, Content, Given, Packed, Parcel, ReplyTo, Shown};
pub use crate::error::Error;
pub use crate::message::{
    AccessDescriptor, AccessFunction, AccessRule, ByValue, Command, EndpointDescriptor, Event, Key,
    KeyByHash, KeyType, KeyValue, Keyed, MayChange, Message, MessageDescriptor, MessageKind,
    MessageProof, MessageRegistration, MessageTypeId, Query, Reads, Same, Validate, WriteContent,
    Writes, content,
};
pub use crate::middleware::{
    Answer, Call, Committed, IsMiddleware, Middleware, MiddlewareDescriptor, Next, fitting,
    seen_by_middleware, shared_by_threads,
};
pub use crate::module::{
    Addressee, Attempt, Background, Backoff, BreakerPolicy, Concurrently, Construct, Exclusive,
    ExclusiveHandler, HandlerByReference, HandlerByValue, HandlerDescriptor, HandlerLimits,
    HandlerPolicy, KeyedHandler, KeyedModule, Keying, MadeByDefault, Module, ModuleDescriptor,
    ModuleKey, ModuleKind, ModuleRegistration, OneAtATime, PerKey, ReplySink, Restart,
    RestartPolicy, Routes, Shared, SharedHandler, Started, Verdict, attempt_alone, attempt_beside,
    attempt_of_key, by_default, key_of, launch, launch_keyed, repeated,
};
pub use crate::resources::{InitArgument, InitSlot, Resource, ResourceDescriptor, Resources};
pub use crate::routing::{
    AnyNumberOfModules, Caller, HandledBy, HandlerAtHome, Home, Homeless, IsAtHome, Listed,
    ListedInCalls, ListedInEmits, OnlyOneModule, Unlisted, WithoutLists,
};

#[cfg(feature = "eventstore")]
pub use crate::eventstore::private as eventstore;
#[cfg(feature = "http")]
pub use crate::http::private as http;
#[cfg(feature = "garde")]
pub use crate::message::derived_rules;

pub mod entry {
    //! What `#[nether::main]` and `#[nether::test]` run.

    pub use crate::entry::{Argument, Flavor, Options, main};
    #[cfg(feature = "test")]
    pub use crate::entry::{Seeds, TestOptions, test};
}

pub mod derived_unless_local {
    //! What messages derive. The compiler prints this path when a field stands in the way, so it names the
    //! way out: `#[command(local)]`.

    pub use std::clone::Clone;
    pub use std::fmt::Debug;

    pub use serde::{Deserialize, Serialize};
}

/// A message as JSON, if that can be made.
#[cfg(feature = "json")]
pub fn to_json<T: serde::Serialize>(message: &T) -> Option<String> {
    // A `Serialize` of the user's may panic, where nothing may be cut short.
    let json = || serde_json::to_string(message).ok();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(json))
        .ok()
        .flatten()
}

/// Without the feature `json`, nothing is made.
#[cfg(not(feature = "json"))]
pub fn to_json<T: serde::Serialize>(_: &T) -> Option<String> {
    None
}

/// Asserts that what a handler takes is what the module's list names.
pub const fn assert_same<Taken: Same<Listed>, Listed>() {}
