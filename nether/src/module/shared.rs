//! [`SharedCell`]: a module whose handlers run concurrently: in the caller's task, or in tasks of their own.

use std::fmt;
use std::future::ready;
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
use crate::module::supervision::{bury, failure_of, keep};
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
    #[inline]
    fn accept(self: Arc<Self>, header: Header) -> Result<Accepted<M>, Closed> {
        self.accepted.fetch_add(1, Ordering::SeqCst);
        if self.closed.load(Ordering::SeqCst) {
            self.refuse(&header.scope);
            return Err(Closed);
        }
        Ok(Accepted {
            cell: self,
            label: header.label,
            ctx: Context::new(Handle::of(header)),
            end: End::Waiting,
        })
    }

    /// It came too late; whoever sent it is told.
    #[cold]
    fn refuse(&self, scope: &Scope) {
        self.tally.count_abandoned();
        scope.take_back(1);
        self.idle.notify_waiters();
        self.stopping.tell_quiet();
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
        self: Arc<Self>,
        parcel: P,
        header: Header,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<(), Closed>
    where
        P: Parcel,
        M: Serves<P>,
    {
        let mut parcel = Some(parcel);
        let mut accepted = Arc::clone(&self).accept(header)?;
        self.spawn(async move {
            let reply = accepted.run(&mut parcel, permit.is_none()).await;
            if let (Err(error), End::Handled(_)) = (reply, accepted.end) {
                keep::<P::Message>(error, accepted.ctx.handle(), accepted.cell.declaration);
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
}

/// A message that a shared module has accepted. Dropped, it counts how the message ended.
struct Accepted<M: Module + Shared> {
    cell: Arc<SharedCell<M>>,
    label: Label,
    ctx: Context<M>,
    end: End,
}

/// How a message ended.
#[derive(Clone, Copy)]
enum End {
    /// On the way: if it stays so, the caller of a query went away, or the module was cut off.
    Waiting,
    /// In its handler; the same is true.
    Handling,
    Handled(Verdict),
    /// Buried, or refused: it is counted.
    Gone,
}

impl<M: Module + Shared> Accepted<M> {
    /// Runs the handler, after waiting for a permit if it `waits`. Its failure is logged and published here; telling it is
    /// the caller's part.
    async fn run<P>(&mut self, parcel: &mut Option<P>, waits: bool) -> Reply<P::Message>
    where
        P: Parcel,
        M: Serves<P>,
    {
        let Accepted {
            cell,
            label,
            ctx,
            end,
        } = self;
        // What is rarely waited for is boxed, so that it makes no call larger.
        let _permit = match waits.then(|| cell.permits.try_acquire()) {
            None => None,
            Some(Ok(permit)) => Some(permit),
            Some(Err(_)) => Box::pin(cell.permits.acquire()).await.ok(),
        };
        let module = match cell.module.get() {
            Some(module) => module,
            None => Box::pin(cell.module.wait()).await,
        };
        let handle = ctx.handle();
        let obstacle = handle.scope.obstacle();
        let (Some(module), None, Some(parcel)) = (module, &obstacle, &mut *parcel) else {
            drop_unpanicked(parcel.take());
            let kind = obstacle.unwrap_or(FailureKind::Stopped);
            let error = refusal(P::Message::NAME, &kind);
            bury(handle.source(), *label, kind, &cell.tally, cell.declaration);
            *end = End::Gone;
            return Err(error.into());
        };
        *end = End::Handling;
        let result = serve::<P, M>(parcel, module, ctx).await;
        if let Ok(Ok(reply)) = result {
            *end = End::Handled(Verdict::Handled);
            return Ok(reply);
        }
        let (reply, verdict) =
            failure_of::<P::Message>(result, label.is_awaited(), handle, cell.declaration);
        *end = End::Handled(verdict);
        reply
    }

    /// The message was dropped on the way.
    #[cold]
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
        let scope = &self.ctx.handle().scope;
        match self.end {
            End::Waiting => {
                self.dropped(scope);
                scope.take_back(1);
            }
            End::Handling => {
                self.dropped(scope);
                scope.finish(1);
            }
            End::Handled(verdict) => {
                self.cell.tally.count(verdict);
                scope.finish(1);
            }
            End::Gone => {}
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
        // What the future captures lies where it is, and is not moved once more.
        let mut parcel = Some(parcel);
        match self.accept(header) {
            Ok(mut accepted) => Box::pin(async move { accepted.run(&mut parcel, root).await }),
            Err(Closed) => Box::pin(ready(Err(CallError::Stopped {
                message: P::Message::NAME,
            }))),
        }
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
                // The semaphore is never closed.
                let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
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
