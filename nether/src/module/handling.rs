//! From a parcel to a handler and back: [`Handles`] for exclusive modules, [`Serves`] for shared ones.

use std::pin::pin;
use std::sync::Arc;

use tracing::Span;

use crate::context::{Context, Handle};
use crate::envelope::{Given, Parcel, Shown};
use crate::error::Result;
use crate::message::{ByValue, Event, Message};
use crate::module::guarded::Guarded;
use crate::module::supervision::{Handled, settle};
use crate::module::{Module, Verdict};

/// The handler of one message in an exclusive module.
#[doc(hidden)]
pub trait Handles<P: Parcel>: Module {
    /// Handles it.
    fn handle(
        &mut self,
        message: P::Content,
        ctx: &Context<Self>,
    ) -> impl Future<Output = Result<<P::Message as Message>::Reply, <P::Message as Message>::Error>>
    + Send;
}

/// The handler of one message in a shared module.
#[doc(hidden)]
pub trait Serves<P: Parcel>: Module + Sync {
    /// Handles it.
    fn handle(
        &self,
        message: P::Content,
        ctx: &Context<Self>,
    ) -> impl Future<Output = Result<<P::Message as Message>::Reply, <P::Message as Message>::Error>>
    + Send;
}

impl<C: ByValue> Given<C> {
    /// Not public API. Used by generated code.
    #[doc(hidden)]
    pub async fn handle<M: Handles<Self>>(self, module: &mut M, ctx: &Context<M>) -> Verdict {
        let Given { message, reply: to } = self;
        let handler = pin!(module.handle(message, ctx));
        let result = Guarded::new(handler, || span(ctx, C::NAME)).await;
        settle::<C>(result, to, ctx.handle(), &M::descriptor().declaration)
    }
}

impl<E: Event> Shown<E> {
    /// Not public API. Used by generated code.
    #[doc(hidden)]
    pub async fn handle<M: Handles<Self>>(self, module: &mut M, ctx: &Context<M>) -> Verdict {
        let handler = pin!(module.handle(self.0, ctx));
        let result = Guarded::new(handler, || span(ctx, E::NAME)).await;
        settle::<E>(result, None, ctx.handle(), &M::descriptor().declaration)
    }
}

/// Runs the handler of a shared module.
pub(super) async fn serve<P: Parcel, M: Serves<P>>(
    message: P::Content,
    module: Arc<M>,
    ctx: &Context<M>,
) -> Handled<P::Message> {
    let handler = pin!(module.handle(message, ctx));
    Guarded::new(handler, || span(ctx, P::Message::NAME)).await
}

/// The span of a handler.
#[inline]
fn span<M: Module>(ctx: &Context<M>, message: &'static str) -> Span {
    if tracing::enabled!(tracing::Level::DEBUG) {
        handler_span(ctx.handle(), M::descriptor().declaration.name, message)
    } else {
        Span::none()
    }
}

/// One call site for all handlers: it is not worth one each in every program.
#[cold]
fn handler_span(handle: &Handle, module: &'static str, message: &'static str) -> Span {
    tracing::debug_span!(
        "handle",
        message,
        module,
        context = %handle.scope.id(),
        sequence = handle.message.map(|(_, sequence)| sequence),
    )
}
