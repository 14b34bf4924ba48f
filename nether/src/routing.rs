//! The proofs that a message may be sent, and by whom; the only home of routing diagnostics.
//!
//! A [`Caller`] is code outside of modules, or a module. Its rule is [`Unlisted`] (every message that a
//! visible module handles) or [`Listed`] (exactly what `emits` and `calls` say). The last parameter of the
//! proofs is never written: the compiler infers it when exactly one `impl` fits, reports E0277 with the texts
//! below when none does, and E0283, naming both `impl`s, when two do.

use crate::declaration::Declaration;

/// A caller: code outside of modules ([`External`]) or a module, for which `#[module]` implements it. A
/// helper that is generic over the sender takes `&Context<S>`:
///
/// ```
/// use nether::{Caller, Emits, prelude::*};
///
/// #[event]
/// pub struct Noted(pub String);
///
/// async fn note<S, H>(ctx: &Context<S>, text: &str) -> nether::Result<()>
/// where
///     S: Caller + Emits<Noted, S::Rule, H>,
/// {
///     ctx.publish(Noted(text.to_owned())).await?;
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// # let system = System::builder().isolated().start().await?;
/// note(&system.context(), "from outside").await?;
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module",
    label = "not a module",
    note = "put `#[module(handles = [..])]` above an `impl {Self}` block"
)]
pub trait Caller: Sized + 'static {
    /// [`Unlisted`] or [`Listed`].
    #[doc(hidden)]
    type Rule;
}

/// The sender of messages from outside of modules: the owner of a context from
/// [`System::context`](crate::System::context).
#[derive(Debug, Clone, Copy)]
pub enum External {}

/// Proof that a module handles the command or query, or that the message is an event. Made by `#[module]` and
/// `#[event]`.
#[diagnostic::on_unimplemented(
    message = "no module handles `{Self}`",
    label = "nobody would handle the message",
    note = "list it where it is handled: `#[module(handles = [{Self}])]`",
    note = "if the module is in another crate, name that crate once: `use that_crate as _;`"
)]
pub trait HandledBy<Module> {
    /// The handler's declaration; naming it keeps the linker from dropping the route.
    #[doc(hidden)]
    fn handler() -> Option<&'static Declaration>;
}

/// Proof that this sender may send or ask the message and wait for the reply. Its last two parameters are the
/// sender's `Rule`, and one that is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not list `{Message}` in `calls`",
    label = "the message is not in the module's `calls`",
    note = "add it: `#[module(.., calls = [{Message}])]`, since a module with lists sends exactly what they say",
    note = "a function that is generic over its sender states the same: `where S: Calls<{Message}, S::Rule, H>`"
)]
pub trait Calls<Message, Rule, TheOneHandler> {
    #[doc(hidden)]
    fn handler() -> Option<&'static Declaration> {
        None
    }
}

/// Proof that this sender may publish or process the message; with the parameters of [`Calls`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not list `{Message}` in `emits`",
    label = "the message is not in the module's `emits`",
    note = "add it: `#[module(.., emits = [{Message}])]`, since a module with lists sends exactly what they say",
    note = "a function that is generic over its sender states the same: `where S: Emits<{Message}, S::Rule, H>`"
)]
pub trait Emits<Message, Rule, TheOneHandler> {
    #[doc(hidden)]
    fn handler() -> Option<&'static Declaration> {
        None
    }
}

/// The rule of a sender without lists: what a visible module handles.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Unlisted {}

/// The rule of a module with lists: what they say.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Listed {}

/// The handler of every event, so that an event given to `send` is one mistake (its kind), not two.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum AnyNumberOfModules {}

/// The second entry of a list: with a single one, inference would take it for the message meant.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum NoMessage {}

/// The second entry of an empty list.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum NorAnother {}

#[diagnostic::do_not_recommend]
impl Caller for External {
    type Rule = Unlisted;
}

impl<S, M, Handler> Calls<M, Unlisted, Handler> for S
where
    M: HandledBy<Handler>,
{
    fn handler() -> Option<&'static Declaration> {
        M::handler()
    }
}

impl<S, M, Handler> Emits<M, Unlisted, Handler> for S
where
    M: HandledBy<Handler>,
{
    fn handler() -> Option<&'static Declaration> {
        M::handler()
    }
}
