//! The proofs that a message may be sent, and by whom; the only home of routing diagnostics.
//!
//! A [`Caller`] is code outside of modules, or a module. Its rule is [`WithoutLists`] (every message that a
//! visible module handles) or [`Listed`] (exactly what `emits` and `calls` say). The last parameter of the
//! proofs is never written: the compiler infers it when exactly one `impl` fits, reports E0277 with the texts
//! below when none does, and E0283, naming both `impl`s, when two do.

use std::marker::PhantomData;

use crate::declaration::Declaration;
use crate::message::Message;

/// A caller: code outside of modules ([`External`]) or a module, for which `#[module]` implements it.
///
/// A helper function that sends for callers with `emits` or `calls` too states what it sends: by
/// [`Sends`](crate::Sends), [`Asks`](crate::Asks), [`Publishes`](crate::Publishes) or
/// [`Processes`](crate::Processes). The last parameter of these is always inferred, so the function has one
/// for each message. For all other callers, [`Unlisted`] is shorter.
///
/// ```
/// use nether::{Publishes, prelude::*};
///
/// #[event]
/// pub struct Noted(pub String);
///
/// async fn note<S, H>(ctx: &Context<S>, text: &str) -> nether::Result<()>
/// where
///     S: Publishes<Noted, H>,
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
    note = "put `#[module(handles = [..])]` above an `impl {Self}` block",
    note = "a helper function takes the context of any sender that has no `emits` or `calls` as `&Context<impl nether::Unlisted>`"
)]
pub trait Caller: Sized + 'static {
    /// [`WithoutLists`] or [`Listed`].
    #[doc(hidden)]
    type Rule;
}

/// A sender without `emits` and `calls`: code outside of modules, or a module that has neither. It sends
/// every message that a visible module handles. So does a helper function that takes its context:
///
/// ```
/// use nether::{Unlisted, prelude::*};
///
/// #[command]
/// pub struct Log(String);
///
/// #[derive(Default)]
/// pub struct Logger;
///
/// #[module(handles = Log)]
/// impl Logger {
///     async fn log(&mut self, Log(text): Log) {
///         println!("{text}");
///     }
/// }
///
/// async fn log(ctx: &Context<impl Unlisted>, text: &str) -> nether::Result<()> {
///     ctx.send(Log(text.to_owned())).await?;
///     Ok(())
/// }
///
/// #[command]
/// pub struct Order;
///
/// #[derive(Default)]
/// pub struct Orders;
///
/// #[module(handles = Order)]
/// impl Orders {
///     async fn order(&mut self, _: Order, ctx: &Context<Self>) -> nether::Result<()> {
///         log(ctx, "ordered").await
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// # let system = System::builder().isolated().start().await?;
/// # let _logger = system.attach(Logger).await?;
/// log(&system.context(), "from outside").await?;
/// # Ok(()) }
/// ```
///
/// A helper that modules with lists call, too, says what it sends: see [`Caller`]. So does one that is
/// generic over the message: see [`Sends`](crate::Sends). One that only asks takes a
/// `&QueryContext<impl Unlisted>`, for which a `&Context` will do.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sender without `emits` and `calls`",
    label = "the helper function may send what is not in these lists",
    note = "a sender with lists sends exactly what they say, so the helper function states what it sends: \
            `async fn helper<S, H>(ctx: &Context<S>) where S: nether::Sends<Message, H>`"
)]
pub trait Unlisted: Caller<Rule = WithoutLists> {}

/// A module, as a sender of what outlives the unit of work in which it is sent.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "only a module can send later or apart, and `{Self}` is not a module",
    label = "not the context of a module",
    note = "outside of modules, a task of the program waits and sends: `tokio::time::sleep(..).await`, and then `system.context()`",
    note = "a helper function takes the context of a module: `ctx: &Context<impl nether::Unlisted + nether::Module>`"
)]
pub trait ModuleSender: Caller {
    /// The module.
    fn declaration() -> &'static Declaration;
}

/// The sender of messages from outside of modules: the owner of a context from
/// [`System::context`](crate::System::context).
#[derive(Debug, Clone, Copy)]
pub enum External {}

/// Proof that a module handles the command or query, or that the message is an event. Made by `#[module]` and
/// `#[event]`. `Module` is the module, or [`OnlyOneModule`].
#[diagnostic::on_unimplemented(
    message = "no module handles `{Self}`",
    label = "no module would handle it",
    note = "list it where it is handled: `#[module(handles = [{Self}])]`",
    note = "if the module is in another crate, name that crate once: `use that_crate as _;`",
    note = "if the message is a type parameter, the function states what it sends: `where S: nether::Sends<C, H>`, \
            and `nether::Asks<Q, H>` for a query"
)]
pub trait HandledBy<Module> {
    /// The handler's declaration; naming it keeps the linker from dropping the route.
    #[doc(hidden)]
    fn handler() -> Option<&'static Declaration>;
}

/// Proof that this sender may send or ask the message and wait for the reply. Its last two parameters are the
/// sender's `Rule`, and one that is inferred. Helper functions say it by [`Sends`](crate::Sends) or
/// [`Asks`](crate::Asks).
// For a sender that is known, one of the two `impl`s says what is missing. So this text is for a type
// parameter.
#[diagnostic::on_unimplemented(
    message = "`{Self}` stands for any sender, and not every sender may send this message",
    label = "not every sender may send it",
    note = "send for those without `emits` and `calls`: `ctx: &Context<impl Unlisted>`, with `use nether::Unlisted;`",
    note = "or state what is sent: `async fn helper<S, H>(ctx: &Context<S>) where S: nether::Sends<Message, H>`, and \
            `nether::Asks` for a query; also where the message is a type parameter"
)]
pub trait Calls<Message, Rule, TheOneHandler> {
    #[doc(hidden)]
    fn handler() -> Option<&'static Declaration> {
        None
    }
}

/// Proof that this sender may publish or process the message; with the parameters of [`Calls`]. Helper
/// functions say it by [`Publishes`](crate::Publishes) or [`Processes`](crate::Processes).
#[diagnostic::on_unimplemented(
    message = "`{Self}` stands for any sender, and not every sender may send this message",
    label = "not every sender may send it",
    note = "send for those without `emits` and `calls`: `ctx: &Context<impl Unlisted>`, with `use nether::Unlisted;`",
    note = "or state what is sent: `async fn helper<S, H>(ctx: &Context<S>) where S: nether::Publishes<Message, H>`, and \
            `nether::Processes` for `process`; also where the message is a type parameter"
)]
pub trait Emits<Message, Rule, TheOneHandler> {
    #[doc(hidden)]
    fn handler() -> Option<&'static Declaration> {
        None
    }
}

/// Proof that the module `S` lists the message in `calls`. Made by `#[module]`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{S}` does not list `{Self}` in `calls`",
    label = "the message is not in the module's `calls`",
    note = "add it: `#[module(.., calls = [{Self}])]`, since a module with lists sends exactly what they say"
)]
pub trait ListedInCalls<S> {}

/// Proof that the module `S` lists the message in `emits`. Made by `#[module]`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{S}` does not list `{Self}` in `emits`",
    label = "the message is not in the module's `emits`",
    note = "add it: `#[module(.., emits = [{Self}])]`, since a module with lists sends exactly what they say"
)]
pub trait ListedInEmits<S> {}

/// The rule of a sender without lists: what a visible module handles.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum WithoutLists {}

/// The rule of a module with lists: what they say.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Listed {}

/// The handler of every event, so that an event given to `send` is one mistake (its kind), not two.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum AnyNumberOfModules {}

/// Stands for the module that handles a command or query of its own crate: [`HandledBy<OnlyOneModule>`]. With
/// a second module, the compiler reports two conflicting implementations, and shows both modules.
///
/// Where the message is of another crate, and for a `manual` module, the module stands for itself.
#[derive(Debug, Clone, Copy)]
pub enum OnlyOneModule {}

/// Whether a message is of the crate of the module that handles it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum IsAtHome<const IS: bool> {}

/// By what a message is handled that is at home in the crate of `Module`, or not.
#[doc(hidden)]
pub trait HandlerAtHome<Module> {
    /// [`OnlyOneModule`], or the module.
    type Handler;
}

#[diagnostic::do_not_recommend]
impl<Module> HandlerAtHome<Module> for IsAtHome<true> {
    type Handler = OnlyOneModule;
}

#[diagnostic::do_not_recommend]
impl<Module> HandlerAtHome<Module> for IsAtHome<false> {
    type Handler = Module;
}

/// Asks for the crate of what a module lists, message or not: of what is none, [`Homeless`] tells it. The
/// inherent constant goes before the trait's.
#[doc(hidden)]
#[derive(Debug)]
pub struct Home<T: ?Sized>(PhantomData<T>);

impl<M: Message> Home<M> {
    pub const CRATE: u64 = M::CRATE;
}

/// A type that is no message, and so at home in no known crate.
#[doc(hidden)]
pub trait Homeless {
    /// None.
    const CRATE: u64 = 0;
}

impl<T> Homeless for Home<T> {}

#[diagnostic::do_not_recommend]
impl Caller for External {
    type Rule = WithoutLists;
}

#[diagnostic::do_not_recommend]
impl Unlisted for External {}

impl<S, M: ListedInCalls<S>> Calls<M, Listed, Listed> for S {}

impl<S, M: ListedInEmits<S>> Emits<M, Listed, Listed> for S {}

impl<S, M, Handler> Calls<M, WithoutLists, Handler> for S
where
    M: HandledBy<Handler>,
{
    fn handler() -> Option<&'static Declaration> {
        M::handler()
    }
}

impl<S, M, Handler> Emits<M, WithoutLists, Handler> for S
where
    M: HandledBy<Handler>,
{
    fn handler() -> Option<&'static Declaration> {
        M::handler()
    }
}
