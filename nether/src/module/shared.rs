//! [`SharedCell`]: a module whose handlers run concurrently: in the caller's task, or in tasks of their own.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SetOnce};
use tokio::task::JoinSet;

use crate::context::{Context, Handle};
use crate::declaration::Declaration;
use crate::envelope::{Header, Label, Parcel, Reply};
use crate::error::{CallError, Failure, FailureKind, Result, SendError};
use crate::mediator::Stopping;
use crate::message::Message;
use crate::module::cell::{Cell, Way};
use crate::module::guarded::drop_unpanicked;
use crate::module::handling::{Serves, serve};
use crate::module::supervision::{bury, keep, reply_of};
use crate::module::tally::{Tally, Verdict};
use crate::module::{Module, Shared};
use crate::route::{BoxFuture, Closed, Inline, Route};
use crate::scope::Scope;
use crate::sync::lock;

/// A shared module, and what it has done.
#[doc(hidden)]
pub struct SharedCell<M: Module + Shared> {
    /// Set once: when the module has started, or to `None` when it failed to.
    module: SetOnce<Option<Arc<M>>>,
    /// How many handlers may run. Root work waits for a permit; what handlers cause runs in tasks of its own and waits
    /// there; a call from inside a handler needs none, for a caller must never wait for itself.
    permits: Arc<Semaphore>,
    /// The handlers that no caller runs; `None` once the module is cut off.
    tasks: Mutex<Option<JoinSet<()>>>,
    accepted: AtomicU64,
    closed: AtomicBool,
    /// Told by `close`, and by every message that ends after it.
    idle: Notify,
    stopping: Arc<Stopping>,
    tally: Tally,
    declaration: &'static Declaration,
}

impl<M: Module + Shared> SharedCell<M> {
    /// Accepts a message; it is answered for by what this gives back.
    fn accept(self: &Arc<Self>, header: Header) -> Result<Accepted<M>, Closed> {
        self.accepted.fetch_add(1, Ordering::SeqCst);
        let mut accepted = Accepted {
            cell: Arc::clone(self),
            label: header.label,
            stage: Stage::Waiting(header),
        };
        if self.closed.load(Ordering::SeqCst) {
            accepted.refuse();
            return Err(Closed);
        }
        Ok(accepted)
    }

    /// Waits until the cell is closed and everything accepted has ended.
    async fn drained(&self) {
        loop {
            let told = self.idle.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            let ended = self.tally.ended();
            if self.closed.load(Ordering::SeqCst) && self.accepted.load(Ordering::SeqCst) == ended {
                return;
            }
            told.await;
        }
    }

    /// Accepts the message, and lets its handler run in a task of its own. Without a permit it waits for one there.
    fn begin<P>(
        self: &Arc<Self>,
        parcel: P,
        header: Header,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<(), Closed>
    where
        P: Parcel,
        M: Serves<P>,
    {
        let mut accepted = self.accept(header)?;
        let cell = Arc::clone(self);
        self.spawn(async move {
            let _permit = match permit {
                Some(permit) => Some(permit),
                None => cell.permit().await,
            };
            let reply = accepted.run(parcel).await;
            if let (Err(error), Stage::Ended(ctx, _)) = (reply, &accepted.stage) {
                keep::<P::Message>(error, ctx.handle(), cell.declaration);
            }
        });
        Ok(())
    }

    /// Runs a handler in a task of its own. Once the module is cut off, it is dropped instead.
    fn spawn(&self, handler: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = &mut *lock(&self.tasks) {
            while tasks.try_join_next().is_some() {}
            tasks.spawn(handler);
        }
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }
}

/// A message that a shared module has accepted. Dropped, it counts how the message ended.
struct Accepted<M: Module + Shared> {
    cell: Arc<SharedCell<M>>,
    label: Label,
    stage: Stage<M>,
}

/// How far a message has come.
enum Stage<M: Module + Shared> {
    Waiting(Header),
    Handled(Context<M>),
    Ended(Context<M>, Verdict),
    /// Buried, or refused: it is counted.
    Gone,
}

impl<M: Module + Shared> Accepted<M> {
    /// Runs the handler. Its failure is logged and published here; telling it is the caller's part.
    async fn run<P>(&mut self, mut parcel: P) -> Reply<P::Message>
    where
        P: Parcel,
        M: Serves<P>,
    {
        let module = self.cell.module.wait().await.clone();
        let Stage::Waiting(header) = std::mem::replace(&mut self.stage, Stage::Gone) else {
            unreachable!("a message is run once")
        };
        let obstacle = header.scope.obstacle();
        let (Some(module), None) = (module, &obstacle) else {
            drop_unpanicked(parcel);
            let kind = obstacle.unwrap_or(FailureKind::Stopped);
            let error = refusal(P::Message::NAME, &kind);
            bury(
                header.source(),
                header.label,
                kind,
                &self.cell.tally,
                self.cell.declaration,
            );
            return Err(error.into());
        };
        self.stage = Stage::Handled(Context::new(Handle::of(header)));
        let Stage::Handled(ctx) = &self.stage else {
            unreachable!("just put there")
        };
        let result = serve::<P, M>(&mut parcel, &module, ctx).await;
        let (reply, verdict) = reply_of::<P::Message>(
            result,
            self.label.is_awaited(),
            ctx.handle(),
            self.cell.declaration,
        );
        if let Stage::Handled(ctx) = std::mem::replace(&mut self.stage, Stage::Gone) {
            self.stage = Stage::Ended(ctx, verdict);
        }
        reply
    }

    /// The message came too late; whoever sent it is told.
    fn refuse(&mut self) {
        if let Stage::Waiting(header) = std::mem::replace(&mut self.stage, Stage::Gone) {
            self.cell.tally.count_abandoned();
            header.scope.take_back(1);
        }
    }

    /// The message was dropped on the way: the caller of a query went away, or the module was cut off.
    fn dropped(&self, scope: &Scope) {
        if self.label.is_awaited() {
            return self.cell.tally.count_abandoned();
        }
        let message = self.label.message.name();
        self.cell.tally.count_dead(message);
        scope.fail(Failure {
            message,
            module: self.cell.declaration.name,
            sequence: self.label.sequence(),
            kind: scope.obstacle().unwrap_or(FailureKind::Stopped),
        });
    }
}

impl<M: Module + Shared> Drop for Accepted<M> {
    fn drop(&mut self) {
        match &self.stage {
            Stage::Waiting(header) => {
                self.dropped(&header.scope);
                header.scope.take_back(1);
            }
            Stage::Handled(ctx) => {
                self.dropped(&ctx.handle().scope);
                ctx.handle().scope.finish(1);
            }
            Stage::Ended(ctx, verdict) => {
                self.cell.tally.count(*verdict);
                ctx.handle().scope.finish(1);
            }
            Stage::Gone => {}
        }
        if self.cell.closed.load(Ordering::SeqCst) {
            self.cell.idle.notify_waiters();
        }
        self.cell.stopping.tell_quiet();
    }
}

fn refusal(message: &'static str, kind: &FailureKind) -> SendError {
    match kind {
        FailureKind::Cancelled => SendError::Cancelled { message },
        FailureKind::DeadlineExceeded => SendError::DeadlineExceeded { message },
        _ => SendError::Stopped { message },
    }
}

impl<M, P> Inline<P> for SharedCell<M>
where
    P: Parcel,
    M: Module + Shared + Serves<P>,
{
    fn call(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        root: bool,
    ) -> BoxFuture<Reply<P::Message>> {
        let accepted = self.accept(header);
        Box::pin(async move {
            let Ok(mut accepted) = accepted else {
                return Err(CallError::Stopped {
                    message: P::Message::NAME,
                });
            };
            let _permit = if root { self.permit().await } else { None };
            accepted.run(parcel).await
        })
    }

    fn post(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        root: bool,
    ) -> Result<Option<BoxFuture<Result<(), Closed>>>, Closed> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok();
        if permit.is_none() && root {
            let mut offered = Offered(Some((parcel, header)));
            return Ok(Some(Box::pin(async move {
                let permit = self.permit().await;
                match offered.0.take() {
                    Some((parcel, header)) => self.begin(parcel, header, permit),
                    None => Err(Closed),
                }
            })));
        }
        self.begin(parcel, header, permit).map(|()| None)
    }
}

/// What waits to be accepted. Dropped, it is taken back: it is not in flight any more.
struct Offered<P>(Option<(P, Header)>);

impl<P> Drop for Offered<P> {
    fn drop(&mut self) {
        if let Some((_, header)) = &self.0 {
            header.scope.take_back(1);
        }
    }
}

impl<M, P> Way<P> for SharedCell<M>
where
    M: Module + Shared + Serves<P>,
    P: Parcel,
{
    #[allow(private_interfaces)]
    fn route(self: &Arc<Self>) -> Route<P> {
        Route::Inline(Arc::clone(self) as _)
    }
}

#[allow(private_interfaces)]
impl<M: Module + Shared> Cell<M> for SharedCell<M> {
    fn new(bound: usize, declaration: &'static Declaration, stopping: Arc<Stopping>) -> Self {
        SharedCell {
            module: SetOnce::new(),
            permits: Arc::new(Semaphore::new(bound.min(Semaphore::MAX_PERMITS))),
            tasks: Mutex::new(Some(JoinSet::new())),
            accepted: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            idle: Notify::new(),
            stopping,
            tally: Tally::default(),
            declaration,
        }
    }

    fn serve(self: Arc<Self>, module: M, standing: Handle) -> BoxFuture<Result<()>> {
        let module = Arc::new(module);
        let _ = self.module.set(Some(Arc::clone(&module)));
        Box::pin(async move {
            self.drained().await;
            M::on_stop(&module, &Context::new(standing)).await
        })
    }

    fn give_up(&self) {
        self.close();
        let _ = self.module.set(None);
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.idle.notify_waiters();
    }

    async fn cut_off(&self) {
        self.give_up();
        let tasks = lock(&self.tasks).take();
        if let Some(mut tasks) = tasks {
            tasks.shutdown().await;
        }
    }

    fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    fn waiting(&self) -> usize {
        0
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn shared(&self) -> Option<Arc<M>> {
        self.module.get().cloned().flatten()
    }
}

impl<M: Module + Shared> fmt::Debug for SharedCell<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCell")
            .field("module", &M::descriptor().declaration.name)
            .finish_non_exhaustive()
    }
}
