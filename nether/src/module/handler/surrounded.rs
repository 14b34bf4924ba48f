//! The call for a message: a handler alone, or middleware and, within it, the handler.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;

use crate::context::Context;
use crate::envelope::{Packed, Parcel, Unhandled};
use crate::guarded::HandlerFault;
use crate::message::Message;
use crate::middleware::{
    Answer, AnswerError, Around, Chain, LeftOut, MessageInfo, Middleware, Named, answered,
};
use crate::module::handler::handling::ReturnReply;
use crate::module::handler::supervision::Handled;
use crate::module::{ExclusiveHandler, Module, SharedHandler};
use crate::routing::Caller;

/// The call for a message in an exclusive module: `()` for its handler alone, or a [`Chain`].
#[doc(hidden)]
#[allow(private_bounds, private_interfaces)]
pub trait CalledAlone<P: Parcel, M: Caller> {
    fn call(
        module: &mut M,
        content: &mut P::Content,
        ctx: &Context<M>,
    ) -> impl Future<Output = Handled<P::Message>> + Send;
}

/// The call for a message in a shared module: `()` for its handler alone, or a [`Chain`].
#[doc(hidden)]
#[allow(private_bounds, private_interfaces)]
pub trait CalledBeside<P: Parcel, M: Caller> {
    fn call(
        module: &M,
        parcel: &mut P,
        ctx: &Context<M>,
    ) -> impl Future<Output = Handled<P::Message>> + Send;
}

#[allow(private_interfaces)]
impl<P, M> CalledAlone<P, M> for ()
where
    P: Parcel,
    M: Module + ExclusiveHandler<P>,
    P::Content: Send,
{
    async fn call(
        module: &mut M,
        content: &mut P::Content,
        ctx: &Context<M>,
    ) -> Handled<P::Message> {
        Ok(M::handle(module, content, ctx, ReturnReply).await)
    }
}

#[allow(private_interfaces)]
impl<P, M> CalledBeside<P, M> for ()
where
    P: Parcel,
    M: Module + Sync + SharedHandler<P>,
{
    async fn call(module: &M, parcel: &mut P, ctx: &Context<M>) -> Handled<P::Message> {
        Ok(M::handle(module, parcel, ctx, ReturnReply).await)
    }
}

#[allow(private_interfaces)]
impl<T, R, P, M> CalledAlone<P, M> for (Named<T>, R)
where
    T: Middleware<P::Message>,
    R: Chain<P::Message>,
    P: Parcel<Message: Send + Sync>,
    P::Content: Unhandled<P::Message>,
    M: Module + ExclusiveHandler<P>,
{
    fn call(
        module: &mut M,
        content: &mut <P as Packed>::Content,
        ctx: &Context<M>,
    ) -> impl Future<Output = Handled<P::Message>> + Send {
        run_alone::<Self, P, M>(module, content, ctx)
    }
}

#[allow(private_interfaces)]
impl<T, R, P, M> CalledBeside<P, M> for (Named<T>, R)
where
    T: Middleware<P::Message>,
    R: Chain<P::Message>,
    P: Parcel<Message: Send + Sync> + Unhandled<<P as Parcel>::Message>,
    M: Module + Sync + SharedHandler<P>,
{
    fn call(
        module: &M,
        parcel: &mut P,
        ctx: &Context<M>,
    ) -> impl Future<Output = Handled<P::Message>> + Send {
        run_beside::<Self, P, M>(module, parcel, ctx)
    }
}

#[allow(private_interfaces)]
impl<R, P, M> CalledAlone<P, M> for (LeftOut, R)
where
    R: CalledAlone<P, M>,
    P: Parcel,
    M: Caller,
{
    fn call(
        module: &mut M,
        content: &mut <P as Packed>::Content,
        ctx: &Context<M>,
    ) -> impl Future<Output = Handled<P::Message>> + Send {
        R::call(module, content, ctx)
    }
}

#[allow(private_interfaces)]
impl<R, P, M> CalledBeside<P, M> for (LeftOut, R)
where
    R: CalledBeside<P, M>,
    P: Parcel,
    M: Caller,
{
    fn call(
        module: &M,
        parcel: &mut P,
        ctx: &Context<M>,
    ) -> impl Future<Output = Handled<P::Message>> + Send {
        R::call(module, parcel, ctx)
    }
}

/// Runs a chain around the handler of an exclusive module. This function shows for any chain that the future
/// is `Send`, so that it is not shown again for each list of types.
#[allow(clippy::manual_async_fn)] // An `async fn` does not say that its future is `Send`.
fn run_alone<C, P, M>(
    module: &mut M,
    content: &mut P::Content,
    ctx: &Context<M>,
) -> impl Future<Output = Handled<P::Message>> + Send
where
    C: Chain<P::Message>,
    P: Parcel,
    P::Content: Unhandled<P::Message>,
    M: Module + ExclusiveHandler<P>,
{
    async move {
        let values = found::<C, P::Message, M>(ctx)?;
        let message = Mutex::new(content);
        let has_begun = AtomicBool::new(false);
        let handler = pin!(async {
            has_begun.store(true, Ordering::Relaxed);
            let mut content = message.lock().await;
            answered(M::handle(module, &mut **content, ctx, ReturnReply).await)
        });
        let around = Around {
            message: &message,
            info: info::<P::Message, M>(ctx),
        };
        let answer = C::run(&values, &around, handler).await;
        handled::<P::Message>(answer, has_begun.load(Ordering::Relaxed))
    }
}

/// Runs a chain around the handler of a shared module, as [`run_alone`] does for an exclusive one.
#[allow(clippy::manual_async_fn)]
fn run_beside<C, P, M>(
    module: &M,
    parcel: &mut P,
    ctx: &Context<M>,
) -> impl Future<Output = Handled<P::Message>> + Send
where
    C: Chain<P::Message>,
    P: Parcel + Unhandled<<P as Parcel>::Message>,
    M: Module + Sync + SharedHandler<P>,
{
    async move {
        let values = found::<C, P::Message, M>(ctx)?;
        let message = Mutex::new(parcel);
        let has_begun = AtomicBool::new(false);
        let handler = pin!(async {
            has_begun.store(true, Ordering::Relaxed);
            let mut parcel = message.lock().await;
            answered(M::handle(module, &mut **parcel, ctx, ReturnReply).await)
        });
        let around = Around {
            message: &message,
            info: info::<P::Message, M>(ctx),
        };
        let answer = C::run(&values, &around, handler).await;
        handled::<P::Message>(answer, has_begun.load(Ordering::Relaxed))
    }
}

/// The values of the middleware. They were looked for when the module started.
fn found<C: Chain<N>, N: Message, M: Module>(ctx: &Context<M>) -> Result<C::Values, HandlerFault> {
    let resources = ctx.handle().scope.mediator.resources.load();
    C::find(&resources).map_err(|error| HandlerFault::Unavailable(Box::new(error)))
}

fn info<N: Message, M: Module>(ctx: &Context<M>) -> MessageInfo<'_> {
    MessageInfo::new(
        ctx.handle(),
        N::descriptor(),
        M::descriptor().declaration.name,
    )
}

/// What came of the message, whose handler `has_begun` or not.
fn handled<N: Message>(answer: Answer<N>, has_begun: bool) -> Handled<N> {
    match answer {
        Ok(reply) => Ok(Ok(reply)),
        Err(AnswerError::Handler(error)) => Ok(Err(error)),
        Err(AnswerError::Rejected(rejection)) => {
            let rejection = rejection.after_handler(has_begun);
            Err(HandlerFault::Rejected(Box::new(rejection)))
        }
    }
}
