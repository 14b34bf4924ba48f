//! What a message is. Commands and queries are given to one module, events are shown to all.

mod access;
mod content;
mod descriptor;
mod id;
mod key_value;
mod keyed;
#[cfg(feature = "garde")]
mod rules;

pub use self::access::{AccessDescriptor, AccessFunction, AccessRule};
pub use self::content::content;
pub use self::descriptor::{EndpointDescriptor, MessageDescriptor, MessageRegistration};
pub use self::id::MessageTypeId;
pub use self::key_value::{KeyByHash, KeyType, KeyValue};
pub use self::keyed::Keyed;
#[cfg(feature = "garde")]
pub use self::rules::derived_rules;

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::error::{HandlerError, Violations};

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
// `Send` is a bound of `Command`, `Query` and `Event`, not of this trait: here each would assert it again.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message",
    label = "not a message",
    note = "put `#[command]`, `#[query]` or `#[event]` above the definition of `{Self}`"
)]
pub trait Message: Sized + 'static {
    /// What the handler gives back.
    type Reply: Send + 'static;
    /// What the handler may fail with.
    type Error: HandlerError;
    /// Always `Self`. Bounds that go through it suppress follow-up compiler errors for types that are not
    /// messages.
    #[doc(hidden)]
    type Itself;
    /// How it travels.
    #[doc(hidden)]
    type Parcel;

    /// The stable name: `module_path!()::Type`, or what `name = ".."` says.
    const NAME: &'static str;
    /// Command, query or event.
    const KIND: MessageKind;
    /// The crate that declares it, or 0.
    #[doc(hidden)]
    const CRATE: u64;
    /// The message type ID: the hash of the name.
    const ID: MessageTypeId = MessageTypeId::of(Self::NAME);
    #[doc(hidden)]
    const PROOF: MessageProof;
    /// What writes the content of a command, unless it stays in this process: two commands are
    /// the same if the bytes are. A value, so that only programs that compare a command have the code.
    #[doc(hidden)]
    const CONTENT: Option<WriteContent<Self>> = None;
    /// What `requires = ..` says, if it says anything.
    #[doc(hidden)]
    const ACCESS: Option<AccessRule<Self>> = None;

    /// What checks the rules of the message, if it has any.
    #[doc(hidden)]
    const VALIDATE: Option<Validate<Self>> = None;

    #[doc(hidden)]
    fn descriptor() -> &'static MessageDescriptor;

    /// The message as JSON, unless it stays in this process.
    #[doc(hidden)]
    fn to_json(&self) -> Option<String> {
        None
    }

    /// A copy of the message, for who records it, unless it stays in this process.
    #[doc(hidden)]
    fn copied(&self) -> Option<Self> {
        None
    }

    /// Whether the error is the caller's to see to: a problem with a status from 400 to 499.
    #[doc(hidden)]
    fn is_refusal(_: &Self::Error) -> bool {
        false
    }

    /// The hash of the field that is its key, if it has one.
    #[doc(hidden)]
    fn key_hash(&self) -> Option<u64> {
        None
    }

    /// The field that is its key, if it has one, apart from the message.
    #[doc(hidden)]
    fn key_value(&self) -> Option<KeyValue> {
        None
    }
}

/// As [`content`].
#[doc(hidden)]
pub type WriteContent<M> = fn(&M) -> Result<Vec<u8>, String>;

/// Checks the rules of a message.
#[doc(hidden)]
pub type Validate<M> = fn(&M) -> Result<(), Violations>;

/// A message that changes something. Exactly one module handles it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "only a command can be sent",
    note = "`ctx.publish(..)` publishes an event, `ctx.ask(..)` asks a query; else put `#[command]` above the definition of `{Self}`"
)]
pub trait Command: ByValue + Send {
    /// As [`Message::Itself`].
    #[doc(hidden)]
    type Sent;
}

/// A message that asks something. Exactly one module answers it, and changes nothing by it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query",
    label = "only a query can be asked",
    note = "`ctx.send(..)` gives a command, `ctx.publish(..)` publishes an event; else put `#[query]` above the definition of `{Self}`"
)]
pub trait Query: ByValue + Send {
    /// As [`Message::Itself`].
    #[doc(hidden)]
    type Asked;
}

/// A message that says what happened. Any number of modules handle it, or none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "only an event can be published or subscribed to",
    note = "`ctx.send(..)` gives a command, `ctx.ask(..)` asks a query; else put `#[event]` above the definition of `{Self}`"
)]
pub trait Event: Message + Send + Sync {
    /// As [`Message::Itself`].
    #[doc(hidden)]
    type Published;
}

/// A command or a query: its handler takes it by value.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a command nor a query",
    label = "neither a command nor a query",
    note = "an event has no one recipient that could refuse it: `ctx.publish(..)`"
)]
pub trait ByValue: Message {
    /// [`Writes`] or [`Reads`].
    type Access;
}

/// What the handler of a command may do: change the module, and send.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Writes {}

/// What the handler of a query may do.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Reads {}

/// An access with which the handler of `M` may change its module.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the handler of the query `{M}` may only read",
    label = "a query is answered with `&self` and, if it asks others, `ctx: &QueryContext<Self>`",
    note = "if it has to change something or to send messages, make it a command: `#[command]` above the definition of `{M}`"
)]
pub trait MayChange<M> {}

#[diagnostic::do_not_recommend]
impl<M> MayChange<M> for Writes {}

/// Proof that a type is `Listed`, though it may be written differently.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the handler takes `{Self}`, but the module lists `{Listed}`",
    label = "another type than the one in `handles`",
    note = "the two only end in the same name: write one path in both places"
)]
pub trait Same<Listed> {}

#[diagnostic::do_not_recommend]
impl<M> Same<M> for M {}

/// What a field must be to be the key of a message: the instance that handles it is found by its hash.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a message: it does not implement `Hash`",
    label = "not hashable",
    note = "a key says which messages go to the same instance of a module: choose a field that identifies something, like an id",
    note = "or, if the type is yours, derive it: `#[derive(Hash)]`"
)]
pub trait Key {
    /// Its hash, the same throughout the program.
    fn key_hash(&self) -> u64;
}

#[diagnostic::do_not_recommend]
impl<T: Hash> Key for T {
    fn key_hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// A message as the lists of modules hold it: what is known of it at run time, and, for the closed-world
/// check of `#[nether::main(modules = [..])]`, while compiling.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct MessageProof {
    /// The message at run time.
    pub descriptor: fn() -> &'static MessageDescriptor,
    /// The ID of its name.
    pub id: MessageTypeId,
    /// Its kind.
    pub kind: MessageKind,
    /// What the compiler says when nothing handles it.
    pub unhandled: &'static str,
    /// What the compiler says when two modules handle it.
    pub duplicate: &'static str,
    /// What the compiler says when its caller and its handler wait for each other.
    pub circular: &'static str,
}
