//! The macros of `nether`, which re-exports and documents them; depend on `nether`, not on this crate.
//!
//! Each macro has a folder, and runs through stages: `args` parses the arguments, `validate` checks the item,
//! `expand` makes the code. Where they need types of their own between them, these are in `model`. Everything
//! before `expand` writes into one `Diagnostics`, so that all mistakes of an item are reported together;
//! expansion cannot fail. Set `NETHER_MACROS_DEBUG=1` to see expansions on standard error.

// The documentation stands on the re-exports in `nether`, where its examples can be compiled.
#![allow(missing_docs)]

mod block;
mod diagnostics;
mod docs;
mod durations;
mod entry;
mod features;
mod header;
mod home;
mod init;
mod keys;
mod limits;
mod lints;
mod lists;
mod message;
mod middleware;
mod module;
mod paths;
mod prelude;
mod problem;
mod recover;
mod routes;
mod signature;
mod source;
mod sourcing;
mod spans;
mod suggest;
mod types;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

use crate::entry::EntryKind;
use crate::message::MessageKind;

#[proc_macro_attribute]
pub fn command(arguments: TokenStream, item: TokenStream) -> TokenStream {
    message::attribute(MessageKind::Command, arguments.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn query(arguments: TokenStream, item: TokenStream) -> TokenStream {
    message::attribute(MessageKind::Query, arguments.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn event(arguments: TokenStream, item: TokenStream) -> TokenStream {
    message::attribute(MessageKind::Event, arguments.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn module(arguments: TokenStream, item: TokenStream) -> TokenStream {
    module::attribute(arguments.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn middleware(arguments: TokenStream, item: TokenStream) -> TokenStream {
    middleware::attribute(arguments.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::attribute(EntryKind::Main, arguments.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::attribute(EntryKind::Test, arguments.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn routes(arguments: TokenStream, item: TokenStream) -> TokenStream {
    routes::attribute(arguments.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn aggregate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    sourcing::aggregate(arguments.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn decision(arguments: TokenStream, item: TokenStream) -> TokenStream {
    sourcing::decision(arguments.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn projection(arguments: TokenStream, item: TokenStream) -> TokenStream {
    sourcing::projection(arguments.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn saga(arguments: TokenStream, item: TokenStream) -> TokenStream {
    sourcing::saga(arguments.into(), item.into()).into()
}

#[proc_macro_derive(ConditionalMessage, attributes(__nether_message))]
pub fn conditional_message(item: TokenStream) -> TokenStream {
    message::derive(item.into()).into()
}

#[proc_macro_derive(Problem, attributes(problem))]
pub fn problem(item: TokenStream) -> TokenStream {
    problem::derive(item.into()).into()
}
