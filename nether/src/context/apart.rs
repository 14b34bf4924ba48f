//! [`Apart`]: a unit of work of the module's own, for what it sends now.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::context::Context;
use crate::context::handle::Handle;
use crate::instants::in_future;
use crate::routing::{Caller, ModuleSender};

impl<S: Caller> Context<S> {
    /// A context of the module itself, for what is not part of this unit of work: what is sent with it begins
    /// a chain of causes and a correlation of its own, and inherits no deadline, principal or baggage.
    ///
    /// [`close`](Context::close) does not wait for it, and it is not cancelled with this unit of work. There
    /// is no result: failures are reported as those of a `#[background]` task are, and no transaction can be
    /// enlisted; what needs one is [`nested`](Context::nested) in it. [`Context::later`] does the same after
    /// a while.
    ///
    /// ```
    /// use nether::prelude::*;
    ///
    /// #[command]
    /// pub struct Order { pub id: u64 }
    ///
    /// #[event]
    /// pub struct Visited { pub id: u64 }
    ///
    /// #[derive(Default)]
    /// pub struct Orders;
    ///
    /// #[module(handles = Order, emits = Visited)]
    /// impl Orders {
    ///     async fn order(&mut self, order: Order, ctx: &Context<Self>) -> nether::Result<()> {
    ///         // Statistics fail no order, and no order waits for them.
    ///         ctx.apart().publish(Visited { id: order.id }).await?;
    ///         Ok(())
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    #[doc(alias = "detached")]
    pub fn apart(&self) -> Apart<'_, S>
    where
        S: ModuleSender,
    {
        let handle = self.handle();
        let scope = Arc::new(handle.scope.apart());
        Apart {
            ctx: Context::new(Handle::new(scope, handle.origin.of_nested())),
            _of: PhantomData,
        }
    }
}

/// A context of a module itself; see [`Context::apart`]. It sends as the context does that it is borrowed
/// from: in a handler, it never waits for room.
#[must_use = "nothing is sent yet"]
pub struct Apart<'a, S: Caller> {
    ctx: Context<S>,
    /// The borrow holds it to the handler or task that it is used in. How long a clone is used is unknown.
    _of: PhantomData<&'a Context<S>>,
}

impl<S: Caller> Apart<'_, S> {
    /// Sets, until a handler has taken a first message of it, how long from now its messages may still be
    /// handled. If none was taken by then, because modules are busy, paused or restarting, they become
    /// [`DeadLetter`](crate::DeadLetter)s when their turn comes
    /// ([`FailureKind::Expired`](crate::FailureKind::Expired)). Once one was taken, the others are handled
    /// too.
    pub fn expires(self, within: Duration) -> Self {
        self.ctx
            .handle()
            .scope
            .set_start_deadline(in_future(within));
        self
    }
}

impl<S: Caller> Deref for Apart<'_, S> {
    type Target = Context<S>;

    fn deref(&self) -> &Context<S> {
        &self.ctx
    }
}

impl<S: Caller> fmt::Debug for Apart<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Apart").field(&self.ctx).finish()
    }
}
