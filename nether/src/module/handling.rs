//! From a parcel to a handler and back: [`Handles`] for exclusive modules, [`Serves`] for shared ones.
//!
//! The two have no bounds on what they handle: a module's list may name what is no message. What generated code has to know
//! of a message it states through [`TakenByValue`] or [`TakenByReference`], at the handler's argument alone; so one mistake
//! has one error.

use std::sync::Arc;

use tracing::Instrument;

use crate::context::Context;
use crate::envelope::{Given, Parcel, Reply, Shown};
use crate::error::Result;
use crate::message::{ByValue, Event, Message, MessageProof};
use crate::module::cell::{CellOf, Routes, Way};
use crate::module::supervision::{catch, reply_of, settle};
use crate::module::{Module, Verdict};
use crate::routing::Sender;

/// What the handler of `M` gives back in the end.
pub(crate) type Replied<M> = Result<<M as Message>::Reply, <M as Message>::Error>;

/// The handler of one message in an exclusive module.
#[doc(hidden)]
pub trait Handles<Content, Replied>: Sender {
    /// Handles it.
    fn handle(
        module: &mut Self,
        content: Content,
        ctx: &Context<Self>,
    ) -> impl Future<Output = Replied> + Send
    where
        Self: Send;
}

/// The handler of one message in a shared module.
#[doc(hidden)]
pub trait Serves<Content, Replied>: Sender {
    /// Handles it.
    fn handle(
        module: &Self,
        content: Content,
        ctx: &Context<Self>,
    ) -> impl Future<Output = Replied> + Send
    where
        Self: Sync;
}

/// A command or a query: a handler takes it by value.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}` by value: it is neither a command nor a query",
    label = "neither a command nor a query",
    note = "put `#[command]` or `#[query]` above the definition of `{Self}`; if it is an event, take it by reference: `&{Self}`"
)]
pub trait TakenByValue: Sized + 'static {
    /// What its handler may do.
    type Access;
    /// What its handler gives back in the end.
    type Replied;
    /// What a module's list holds of it.
    const PROOF: MessageProof;

    /// Adds the way to its handler.
    fn add_to<M>(routes: &mut Routes<'_, M>)
    where
        Self: Send,
        M: Module,
        CellOf<M>: Way<Given<Self>>;

    /// Calls its handler in an exclusive module.
    fn handle<M>(
        parcel: Given<Self>,
        module: &mut M,
        ctx: &Context<M>,
    ) -> impl Future<Output = Verdict> + Send
    where
        Self: Send,
        M: Module + Handles<Self, Self::Replied>;
}

/// An event: a handler takes it by reference.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}` by reference: it is not an event",
    label = "not an event",
    note = "put `#[event]` above the definition of `{Self}`; if it is a command or a query, take it by value: `{Self}`"
)]
pub trait TakenByReference: Sized + 'static {
    /// What a module's list holds of it.
    const PROOF: MessageProof;

    /// Adds the way to its handler.
    fn add_to<M>(routes: &mut Routes<'_, M>)
    where
        M: Module,
        CellOf<M>: Way<Shown<Self>>;

    /// Calls its handler in an exclusive module.
    fn handle<M>(
        parcel: Shown<Self>,
        module: &mut M,
        ctx: &Context<M>,
    ) -> impl Future<Output = Verdict> + Send
    where
        M: Module + Handles<Arc<Self>, Result<()>>;
}

#[diagnostic::do_not_recommend]
impl<C: ByValue> TakenByValue for C {
    type Access = C::Access;
    type Replied = Replied<C>;
    const PROOF: MessageProof = <C as Message>::PROOF;

    fn add_to<M>(routes: &mut Routes<'_, M>)
    where
        Self: Send,
        M: Module,
        CellOf<M>: Way<Given<Self>>,
    {
        routes.add::<Given<Self>>();
    }

    #[inline]
    async fn handle<M>(parcel: Given<Self>, module: &mut M, ctx: &Context<M>) -> Verdict
    where
        Self: Send,
        M: Module + Handles<Self, Self::Replied>,
    {
        handle(parcel, module, ctx).await
    }
}

#[diagnostic::do_not_recommend]
impl<E: Event<Reply = (), Error = crate::error::Error>> TakenByReference for E {
    const PROOF: MessageProof = <E as Message>::PROOF;

    fn add_to<M>(routes: &mut Routes<'_, M>)
    where
        M: Module,
        CellOf<M>: Way<Shown<Self>>,
    {
        routes.add::<Shown<Self>>();
    }

    #[inline]
    async fn handle<M>(parcel: Shown<Self>, module: &mut M, ctx: &Context<M>) -> Verdict
    where
        M: Module + Handles<Arc<Self>, Result<()>>,
    {
        handle(parcel, module, ctx).await
    }
}

#[inline]
async fn handle<P, M>(parcel: P, module: &mut M, ctx: &Context<M>) -> Verdict
where
    P: Parcel,
    M: Module + Handles<P::Content, Replied<P::Message>>,
{
    let declaration = &M::descriptor().declaration;
    let (content, to) = parcel.open();
    let handler = catch(M::handle(module, content, ctx)).instrument(span::<P::Message, M>(ctx));
    let reply = reply_of::<P::Message>(handler.await, declaration);
    settle::<P::Message>(reply, to, ctx.handle(), declaration)
}

/// Runs the handler of a shared module.
#[inline]
pub(super) async fn serve<P, M>(
    content: P::Content,
    module: Arc<M>,
    ctx: &Context<M>,
) -> Reply<P::Message>
where
    P: Parcel,
    M: Module + Sync + Serves<P::Content, Replied<P::Message>>,
{
    let handler = catch(M::handle(&module, content, ctx)).instrument(span::<P::Message, M>(ctx));
    reply_of::<P::Message>(handler.await, &M::descriptor().declaration)
}

#[inline]
fn span<P: Message, M: Module>(ctx: &Context<M>) -> tracing::Span {
    tracing::debug_span!(
        "handle",
        message = P::NAME,
        module = M::descriptor().declaration.name,
        context = %ctx.correlation_id(),
        sequence = ctx.handle().message.map(|(_, sequence)| sequence),
    )
}
