//! Layer 1: what a message is. Commands and queries are given to one module, events are shown to all.

mod descriptor;
mod id;

pub use self::descriptor::{MessageDescriptor, MessageRegistration};
pub use self::id::MessageId;

use crate::error::HandlerError;

/// The three kinds of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// Changes something: exactly one module handles it.
    Command,
    /// Asks something: exactly one module answers it, without changing anything.
    Query,
    /// Tells that something happened: any number of modules see it.
    Event,
}

/// A message: implemented by [`#[command]`](macro@crate::command), [`#[query]`](macro@crate::query) and
/// [`#[event]`](macro@crate::event), never by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message",
    label = "not a message",
    note = "put `#[command]`, `#[query]` or `#[event]` above the definition of `{Self}`"
)]
pub trait Message: Sized + Send + 'static {
    /// What the handler gives back.
    type Reply: Send + 'static;
    /// What the handler may fail with.
    type Error: HandlerError;
    /// The message's own type. It lets one unmet bound stay one error.
    #[doc(hidden)]
    type Itself;
    /// How it travels.
    #[doc(hidden)]
    type Parcel: Send + 'static;

    /// The stable name: `module_path!()::Type`, or what `name = ".."` says.
    const NAME: &'static str;
    /// Command, query or event.
    const KIND: MessageKind;
    /// The ID of the name.
    const ID: MessageId = MessageId::of(Self::NAME);
    #[doc(hidden)]
    const PROOF: MessageProof;

    #[doc(hidden)]
    fn descriptor() -> &'static MessageDescriptor;
}

/// A message that changes something. Exactly one module handles it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "only a command can be sent",
    note = "put `#[command]` above the definition of `{Self}`; a query is asked with `ask`, an event told with `publish`"
)]
pub trait Command: Message {}

/// A message that asks something. Exactly one module answers it, and changes nothing by it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query",
    label = "only a query can be asked",
    note = "put `#[query]` above the definition of `{Self}`; a command is given with `send`, an event told with `publish`"
)]
pub trait Query: Message {}

/// A message that tells what happened. Any number of modules see it, also none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "only an event can be published, and only an event is handled by reference",
    note = "put `#[event]` above the definition of `{Self}`; a command is given with `send`, a query asked with `ask`",
    note = "a handler takes a command or a query by value: `{Self}`, not `&{Self}`"
)]
pub trait Event: Message + Sync {}

/// A command or a query: a handler takes it by value.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}` by value",
    label = "take it by reference: `&{Self}`",
    note = "an event is shown to every module that handles it, so it is borrowed; commands and queries are taken by value"
)]
pub trait ByValue: Message {}

/// A command: its handler may change the module.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the handler of `{Self}` may only read",
    label = "a query is answered with `&self` and, if it asks others, `ctx: &QueryContext<Self>`",
    note = "if it has to change something or to send messages, make it a command: `#[command]` above the definition of `{Self}`"
)]
pub trait MayChange: Message {}

/// A message as the lists of modules hold it: what is known of it at run time, and, for the closed-world check of
/// `#[nether::main(modules = [..])]`, while compiling.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct MessageProof {
    /// The message at run time.
    pub descriptor: fn() -> &'static MessageDescriptor,
    /// The ID of its name.
    pub id: MessageId,
    /// Its kind.
    pub kind: MessageKind,
    /// What the compiler says when nothing handles it.
    pub unhandled: &'static str,
    /// What the compiler says when two modules handle it.
    pub duplicate: &'static str,
}
