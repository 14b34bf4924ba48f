//! [`QueryContext`]: what the handler of a query may do, which is to ask and nothing else.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use tokio::time::Instant;

use crate::context::calling::{CallFuture, HandlerProof, Marker};
use crate::context::handle::Handle;
use crate::declaration::Declaration;
use crate::envelope::Given;
use crate::message::Query;
use crate::principal::Principal;
use crate::routing::{Caller, Calls, External};
use crate::scope::{ContextId, MessageId};
use crate::trace::TraceContext;

/// A handle to a unit of work that may read, but change nothing: what a query's handler is given.
///
/// Reading is separated from writing by type: there is no way from here to a command or an event. A
/// [`Context`](crate::Context) is one too.
pub struct QueryContext<S: Caller = External> {
    pub(crate) handle: Handle,
    sender: PhantomData<fn() -> S>,
}

impl<S: Caller> QueryContext<S> {
    pub(crate) fn new(handle: Handle) -> Self {
        QueryContext {
            handle,
            sender: PhantomData,
        }
    }

    /// Asks a query and waits for the answer.
    ///
    /// From outside a handler this waits for room while the module's mailbox is full. The handler of a shared
    /// module runs in this task.
    ///
    /// # Errors
    /// [`CallError::Handler`](crate::CallError::Handler) if the handler returns an error, otherwise the
    /// reason why there is no answer.
    #[doc(alias = "query", alias = "request")]
    #[inline]
    pub fn ask<Q, I, TheOneHandler, T, E>(&self, query: Q) -> CallFuture<'_, Q, Given<Q>, T, E>
    where
        Q: Query<Reply = T, Error = E, Asked = I>,
        S: Calls<I, S::Rule, TheOneHandler>,
    {
        CallFuture::new::<ByCalls<S, I, S::Rule, TheOneHandler>>(&self.handle, query)
    }

    /// The id of the unit of work, which everything in it shares; drawn at the first call. A unit of work
    /// that a saga opens has the id of the one in which the saga began.
    pub fn correlation_id(&self) -> ContextId {
        self.handle.scope.correlation_id()
    }

    /// The id of the message being handled; `None` outside handlers.
    pub fn message_id(&self) -> Option<MessageId> {
        self.handle.message_id()
    }

    /// The id of the message whose handler sent the one being handled; `None` if it came from outside.
    pub fn causation_id(&self) -> Option<MessageId> {
        self.handle.causation_id()
    }

    /// How many messages caused each other up to the one being handled: 0 outside handlers.
    pub fn depth(&self) -> u32 {
        self.handle.cause.depth
    }

    /// The instant after which nothing of this unit of work is started, if there is one.
    pub fn deadline(&self) -> Option<Instant> {
        self.handle.scope.deadline().map(|deadline| deadline.0)
    }

    /// On whose behalf the work is done, if that is known: the principal that the web server has
    /// authenticated, or the one given by [`with_principal`](crate::Context::with_principal).
    pub fn principal(&self) -> Option<&Principal> {
        self.handle.scope.principal()
    }

    /// The trace that this is part of: in a handler that has a span, that span; else the trace that the unit
    /// of work was given, by `traceparent` of a request, by a stored event, or by
    /// [`with_trace_context`](crate::Context::with_trace_context). `None` if it was given none, and no
    /// subscriber records spans. A handler passes it on to other services; see [`TraceContext`].
    pub fn trace_context(&self) -> Option<TraceContext> {
        self.handle.trace_context().cloned()
    }

    /// The value of that type that travels with the unit of work, or with the one that it is nested in; see
    /// [`Context::with`](crate::Context::with).
    pub fn baggage<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.handle.scope.baggage()
    }

    /// The id of the unit of work that this one is nested in, if it is.
    pub fn parent_id(&self) -> Option<ContextId> {
        self.handle.scope.parent_id()
    }

    /// Whether the unit of work was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.handle.scope.is_cancelled()
    }

    /// Waits until the unit of work is cancelled: for long-running handlers, in a `select!`. In a
    /// `#[background]` task it returns when the module stops.
    pub async fn cancelled(&self) {
        self.handle.scope.cancelled().await;
    }
}

/// The handler that [`Calls`] found.
pub(super) struct ByCalls<S, I, Rule, H>(Marker<S, I, Rule, H>);

impl<S: Calls<I, Rule, H>, I, Rule, H> HandlerProof for ByCalls<S, I, Rule, H> {
    fn declaration() -> Option<&'static Declaration> {
        S::handler()
    }
}

impl<S: Caller> fmt::Debug for QueryContext<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}

/// What handlers may not do. The methods are here only to say so better than "no such method".
mod refusals {
    use std::time::Duration;

    use crate::context::apart::Apart;
    use crate::context::query::QueryContext;
    use crate::routing::Caller;

    /// Implemented by nothing.
    #[doc(hidden)]
    #[diagnostic::on_unimplemented(
        message = "a query's handler cannot send commands or publish events",
        label = "not from a `QueryContext`",
        note = "a query only reads; if its handler has to change something, make it a command: `#[command]` instead of `#[query]`"
    )]
    pub trait MaySend<T> {
        /// Never called.
        fn refused(&self) -> T;
    }

    /// Implemented by nothing.
    #[doc(hidden)]
    #[diagnostic::on_unimplemented(
        message = "a handler cannot close the unit of work of its message",
        label = "only the code that called `system.context()` closes it",
        note = "the caller of `system.context()` closes it, and waits for all that handlers do in it",
        note = "work that ends by itself has a context of its own: `let inner = ctx.nested();`, and `inner.close().await?` in the end"
    )]
    pub trait MayClose<T> {
        /// Never called.
        fn refused(&self) -> T;
    }

    // What these give back is whatever the caller takes it for, so that nothing is said about it.
    impl<S: Caller> QueryContext<S> {
        #[doc(hidden)]
        pub fn close<T>(&self) -> T
        where
            Self: MayClose<T>,
        {
            MayClose::refused(self)
        }

        #[doc(hidden)]
        pub fn send<M, T>(&self, _: M) -> T
        where
            Self: MaySend<T>,
        {
            MaySend::refused(self)
        }

        #[doc(hidden)]
        pub fn process<M, T>(&self, _: M) -> T
        where
            Self: MaySend<T>,
        {
            MaySend::refused(self)
        }

        #[doc(hidden)]
        pub fn later<M, T>(&self, _: Duration, _: M) -> T
        where
            Self: MaySend<T>,
        {
            MaySend::refused(self)
        }

        #[doc(hidden)]
        pub fn apart(&self) -> Apart<'_, S>
        where
            Self: for<'a> MaySend<Apart<'a, S>>,
        {
            MaySend::refused(self)
        }

        #[doc(hidden)]
        pub fn publish<M, T>(&self, _: M) -> T
        where
            Self: MaySend<T>,
        {
            MaySend::refused(self)
        }
    }
}
