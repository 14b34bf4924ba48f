//! [`Context::spawn`]: a task that is part of a unit of work.

use std::any::{TypeId, type_name};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;

use tracing::Instrument;

use crate::context::Context;
use crate::context::handle::Handle;
use crate::context::reports::{announce, report_refusal};
use crate::context::room::Room;
use crate::context::span::{HandlerSpan, SpanOutcome};
use crate::declaration::Declaration;
use crate::envelope::Label;
use crate::error::{Error, Failure, FailureKind, Panic, Result, SendError};
use crate::escaped::Escaped;
use crate::events::HandlerFailed;
use crate::guarded::{Shielded, catch, drop_unpanicked, said_last};
use crate::message::{MessageDescriptor, MessageKind};
use crate::race::race;
use crate::route::BoxFuture;
use crate::routing::{Caller, External};
use crate::scope::ParkedIn;
use crate::waiting::DeliveryWaiter;

/// What stands for the message, in causes and failures.
static SPAWNED: MessageDescriptor = MessageDescriptor::new(
    MessageKind::Command,
    Declaration {
        name: "Context::spawn",
        file: file!(),
        line: line!(),
        column: column!(),
    },
    None,
    None,
);

impl<S: Caller> Context<S> {
    /// Runs `work` in a task of its own that is part of the unit of work: [`close`](Context::close) waits for
    /// it, and its messages belong to the unit of work. So a handler can return its reply and continue in the
    /// task.
    ///
    /// If the task fails or panics, that is a failure of the unit of work, reported as [`HandlerFailed`]; the
    /// module continues. Like a handler, the task is not interrupted when the context is cancelled, but can
    /// wait for [`cancelled`](crate::QueryContext::cancelled); if it then ends with an error, that is logged
    /// (`debug`) and is not a failure. A system that stops waits for it up to the shutdown time-out, and then
    /// cuts it off.
    ///
    /// What the task sends waits for room in mailboxes, as work from outside does, and is accepted even while
    /// its context closes or the system stops. At the mailbox of the exclusive module whose handler spawned
    /// it, the task does not wait, because that handler may be waiting for it.
    ///
    /// ```
    /// use nether::prelude::*;
    ///
    /// #[command]
    /// pub struct Refresh;
    ///
    /// #[event]
    /// pub struct Refreshed;
    ///
    /// struct Cache;
    ///
    /// #[module(handles = Refresh, manual)]
    /// impl Cache {
    ///     async fn refresh(&mut self, _: Refresh, ctx: &Context<Self>) -> nether::Result<()> {
    ///         ctx.spawn(async |ctx| {
    ///             // This takes a while, and only `close` waits for it.
    ///             ctx.publish(Refreshed).await?;
    ///             Ok(())
    ///         })?;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// # let _cache = system.attach(Cache).await?;
    /// let ctx = system.context();
    /// let mut refreshed = ctx.subscribe::<Refreshed>();
    /// ctx.send(Refresh).await?;
    /// ctx.close().await?;
    /// assert!(refreshed.next().await.is_some());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The reason why the unit of work accepts nothing more. [`SendError::Full`] from outside of handlers,
    /// and from spawned tasks, if [`max_in_flight`](crate::SystemBuilder::max_in_flight) leaves no room: a
    /// task counts for as long as it runs, and `spawn` does not wait.
    pub fn spawn<F>(&self, work: impl FnOnce(Context<S>) -> F) -> Result<(), SendError>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let full = |()| SendError::Full {
            message: SPAWNED.name(),
        };
        let room = Room::take_for_task(self.handle()).map_err(full)?;
        let admitted = self.handle().admit(&SPAWNED, 1);
        let sequence = admitted.map_err(|refused| report_refusal(self.handle(), refused))?;
        drop(room); // The task counts for itself.
        let mut handle = Handle {
            scope: Arc::clone(&self.handle().scope),
            origin: self.handle().origin.of_task(),
            message: Some(Label::new(&SPAWNED, sequence, false)),
            cause: self.handle().next_cause(),
        };
        let module = name_of::<S>();
        let span = handle.span(module.unwrap_or_default());
        let task = Task::begin(handle.clone(), module, span);
        let runtime = handle.scope.mediator.runtime.clone();
        let work = work(Context::new(handle));
        // Boxed, so that tokio's part of a task is compiled once and not for each future.
        let task: BoxFuture<()> = Box::pin(task.run(work).in_current_span());
        runtime.spawn(task);
        Ok(())
    }
}

/// The module that spawned; none from outside.
fn name_of<S: Caller>() -> Option<&'static str> {
    (TypeId::of::<S>() != TypeId::of::<External>()).then(type_name::<S>)
}

/// A task in flight. Dropped, it is done.
struct Task {
    handle: Handle,
    module: Option<&'static str>,
    span: Option<Box<HandlerSpan>>,
    /// Whether it is known how it ended.
    is_reported: bool,
    /// Whether a stop cut it off.
    is_cut_off: bool,
}

impl Task {
    fn begin(handle: Handle, module: Option<&'static str>, span: Option<Box<HandlerSpan>>) -> Self {
        handle.scope.mediator.tasks.begin();
        handle.scope.mediator.tasks.begin_work();
        Task {
            handle,
            module,
            span,
            is_reported: false,
            is_cut_off: false,
        }
    }

    async fn run(mut self, work: impl Future<Output = Result<()>>) {
        let mediator = Arc::clone(&self.handle.scope.mediator);
        let cut_off = async {
            mediator.tasks.until_over().await;
            None
        };
        let ended = {
            let mut work = pin!(race(async { Some(catch(work).await) }, cut_off));
            let mut parked = None;
            let mut waiter = DeliveryWaiter::default();
            poll_fn(|cx| {
                parked = None;
                let scope = &self.handle.scope;
                let poll = waiter.begin_poll(&SPAWNED.declaration, scope);
                let polled = {
                    let _entered = self.span.as_deref().map(HandlerSpan::enter);
                    work.as_mut().poll(cx)
                };
                waiter.end_poll(poll, scope);
                if polled.is_pending() {
                    parked = self
                        .handle
                        .scope
                        .park(self.handle.delivery(), SPAWNED.name(), || {
                            let elsewhere = waiter.waits_elsewhere(scope.address());
                            Some((ParkedIn::Task, elsewhere))
                        });
                }
                polled
            })
            .await
        };
        self.is_cut_off = ended.is_none();
        let kind = match ended {
            Some(Ok(Ok(()))) => {
                self.is_reported = true;
                self.end_span(SpanOutcome::Handled);
                return;
            }
            Some(Ok(Err(error))) if self.handle.scope.is_called_off() => {
                self.end_cancelled(error);
                return;
            }
            Some(Ok(Err(error))) => FailureKind::Handler(Arc::new(error)),
            Some(Err(panic)) => FailureKind::Panicked(Box::new(Panic {
                message: SPAWNED.name(),
                module: self.module.unwrap_or_default(),
                text: said_last(panic),
            })),
            None => FailureKind::Stopped,
        };
        self.is_reported = true;
        let outcome = match &kind {
            FailureKind::Panicked(_) => SpanOutcome::Panicked,
            FailureKind::Stopped => SpanOutcome::Cancelled,
            _ => SpanOutcome::Failed,
        };
        {
            let _entered = self.span.as_deref().map(HandlerSpan::enter);
            self.fail(kind);
        }
        self.end_span(outcome);
    }

    /// What its owner cancels has not failed: an error is how the task ends then.
    #[cold]
    fn end_cancelled(&mut self, error: Error) {
        self.is_reported = true;
        {
            let _entered = self.span.as_deref().map(HandlerSpan::enter);
            let module = self.module.unwrap_or_default();
            let text = Shielded::new(&error);
            tracing::debug!(task = SPAWNED.name(), module, error = %Escaped(&text), "task ended with its context");
        }
        self.end_span(SpanOutcome::Cancelled);
        drop_unpanicked(error);
    }

    fn end_span(&mut self, outcome: SpanOutcome) {
        if let Some(span) = self.span.take() {
            span.end(outcome, &self.handle.scope);
        }
    }

    #[cold]
    fn fail(&self, kind: FailureKind) {
        let (handle, message) = (&self.handle, SPAWNED.name());
        let module = self.module.unwrap_or_default();
        let text = Shielded::new(&kind);
        tracing::warn!(task = message, module, error = %Escaped(&text), "task failed");
        announce(handle, || HandlerFailed {
            message: message.to_owned(),
            module: module.to_owned(),
            context: handle.scope.id(),
            sequence: handle.sequence(),
            cause: handle.cause.sequence,
            error: text.to_string(),
            crashed: matches!(kind, FailureKind::Panicked(_)),
            json: None,
        });
        handle.scope.set_rollback_only(message, module);
        handle.scope.fail(Failure {
            message,
            module: self.module,
            sequence: handle.sequence(),
            kind,
        });
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if !self.is_reported {
            // Its runtime is gone, or it panicked when it was dropped. The counts must not depend on who is
            // notified.
            let fail = || self.fail(FailureKind::Stopped);
            let _ = catch_unwind(AssertUnwindSafe(fail));
        }
        // Before it is not in flight any more.
        self.span = None;
        let scope = &self.handle.scope;
        scope.finish(1);
        if !self.is_cut_off {
            scope.mediator.tasks.end_work();
        }
        scope.mediator.tasks.end();
        scope.mediator.stopping.notify_quiet();
    }
}
