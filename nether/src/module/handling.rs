//! From a parcel to a handler and back: [`Handles`] for exclusive modules, [`Serves`] for shared ones.

use std::sync::Arc;

use tracing::Instrument;

use crate::context::Context;
use crate::envelope::{Given, Parcel, Reply, Shown};
use crate::error::Result;
use crate::message::{ByValue, Event, Message};
use crate::module::supervision::{catch, reply_of, settle};
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
    #[inline]
    pub async fn handle<M: Handles<Self>>(self, module: &mut M, ctx: &Context<M>) -> Verdict {
        handle(self, module, ctx).await
    }
}

impl<E: Event> Shown<E> {
    /// Not public API. Used by generated code.
    #[doc(hidden)]
    #[inline]
    pub async fn handle<M: Handles<Self>>(self, module: &mut M, ctx: &Context<M>) -> Verdict {
        handle(self, module, ctx).await
    }
}

#[inline]
async fn handle<P: Parcel, M: Handles<P>>(parcel: P, module: &mut M, ctx: &Context<M>) -> Verdict {
    let declaration = &M::descriptor().declaration;
    let (message, to) = parcel.open();
    let handler = catch(module.handle(message, ctx)).instrument(span::<P::Message, M>(ctx));
    let reply = reply_of::<P::Message>(handler.await, declaration);
    settle::<P::Message>(reply, to, ctx.handle(), declaration)
}

/// Runs the handler of a shared module.
#[inline]
pub(super) async fn serve<P: Parcel, M: Serves<P>>(
    message: P::Content,
    module: Arc<M>,
    ctx: &Context<M>,
) -> Reply<P::Message> {
    let handler = catch(module.handle(message, ctx)).instrument(span::<P::Message, M>(ctx));
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
