//! [`Nested`]: a unit of work within another.

use std::fmt;
use std::ops::Deref;
#[cfg(feature = "eventstore")]
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::context::Context;
use crate::context::handle::Handle;
#[cfg(feature = "eventstore")]
use crate::context::handle::Origin;
use crate::context::outcome::{Outcome, close};
use crate::error::ContextError;
use crate::instants::in_future;
use crate::principal::Principal;
use crate::routing::Caller;
#[cfg(feature = "eventstore")]
use crate::scope::{Scope, ScopeKind};
use crate::trace::TraceContext;

impl<S: Caller> Context<S> {
    /// Opens a unit of work within this one: it has messages, streams, failures and transactions of its own,
    /// and may fail without this one failing.
    ///
    /// It inherits deadline, principal, trace and baggage, unless it is given its own. It is cancelled when
    /// this one is cancelled or ends. [`close`](Nested::close) returns its result. If it is dropped before
    /// that, it is cancelled; this unit of work then waits until its handlers have ended or its deadline
    /// passes, and has its lost messages as a failure.
    ///
    /// ```
    /// use nether::prelude::*;
    ///
    /// #[command]
    /// pub struct Pay;
    ///
    /// struct Bank;
    ///
    /// #[module(handles = Pay, manual)]
    /// impl Bank {
    ///     async fn pay(&mut self, _: Pay) -> nether::Result<()> {
    ///         Err(nether::Error::msg("no money"))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// # let _bank = system.attach(Bank).await?;
    /// let ctx = system.context();
    /// let attempt = ctx.nested();
    /// attempt.process(Pay).await?;
    /// assert!(attempt.close().await.is_err()); // The caller gets the failure,
    /// ctx.close().await?; // which is not one of `ctx`.
    /// # Ok(()) }
    /// ```
    pub fn nested(&self) -> Nested<S> {
        let handle = self.handle();
        if handle.is_external() {
            handle.scope.expect_deadline();
        }
        Nested {
            ctx: Context::new(Handle {
                scope: handle.scope.nest(),
                origin: handle.origin.of_nested(),
                message: None,
                cause: handle.next_cause().elsewhere(),
            }),
        }
    }
}

#[cfg(feature = "eventstore")]
impl<S: Caller> Context<S> {
    /// Opens a unit of work of a module that is separate from this one: it inherits nothing, and is not
    /// cancelled with it. It is done on behalf of the principal with that ID, and goes on with what had that
    /// correlation ID.
    pub(crate) fn resumed(
        &self,
        principal: Option<Arc<str>>,
        correlation: Option<Arc<str>>,
    ) -> Nested<S> {
        let mediator = Arc::clone(&self.handle().scope.mediator);
        let scope = Arc::new(Scope::new(mediator, ScopeKind::Unit));
        scope.set_of_system();
        if let Some(id) = principal {
            scope.set_principal(Principal::new(id));
        }
        if let Some(correlation) = correlation {
            scope.set_correlation(correlation);
        }
        Nested {
            ctx: Context::new(Handle::new(scope, Origin::External)),
        }
    }
}

/// A handle to a unit of work within another; see [`Context::nested`]. It is a [`Context`] that can be
/// closed.
pub struct Nested<S: Caller> {
    ctx: Context<S>,
}

impl<S: Caller> Nested<S> {
    /// Ends it; see [`Context::close`].
    ///
    /// # Errors
    /// The errors of [`Context::close`].
    pub async fn close(self) -> Result<Outcome, ContextError> {
        close(&self.ctx.handle().scope).await
    }

    /// Sets a deadline this long from now, if that is before the inherited one.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with_deadline(in_future(timeout))
    }

    /// Sets the deadline, if it is before the inherited one. Setting another changes nothing.
    #[must_use]
    pub fn with_deadline(self, at: Instant) -> Self {
        self.ctx.handle().scope.set_deadline(at);
        self
    }

    /// Sets the principal; see [`Context::with_principal`].
    #[must_use]
    pub fn with_principal(self, principal: impl Into<Principal>) -> Self {
        self.ctx.handle().scope.set_principal(principal.into());
        self
    }

    /// Sets the trace; see [`Context::with_trace_context`].
    #[must_use]
    pub fn with_trace_context(self, trace: TraceContext) -> Self {
        self.ctx.handle().scope.set_trace(trace);
        self
    }

    /// Adds a baggage value; see [`Context::with`].
    #[must_use]
    pub fn with<T: fmt::Debug + Send + Sync + 'static>(self, value: T) -> Self {
        self.ctx.handle().scope.add_baggage(value);
        self
    }
}

impl<S: Caller> Deref for Nested<S> {
    type Target = Context<S>;

    fn deref(&self) -> &Context<S> {
        &self.ctx
    }
}

impl<S: Caller> Drop for Nested<S> {
    fn drop(&mut self) {
        let handle = self.ctx.handle();
        // An external handle sees to it itself.
        if !handle.is_external() {
            handle.scope.let_go();
        }
    }
}

impl<S: Caller> fmt::Debug for Nested<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Nested").field(&self.ctx).finish()
    }
}
