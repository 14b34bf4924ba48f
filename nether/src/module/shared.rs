//! [`SharedCell`]: a module whose handlers run concurrently: in the caller's task, or in tasks of their own.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SetOnce};
use tokio::task::JoinSet;

use crate::context::{Context, Handle};
use crate::declaration::Declaration;
use crate::envelope::{Header, Parcel, Reply};
use crate::error::{CallError, Failure, FailureKind, Result, SendError};
use crate::mediator::Stopping;
use crate::message::Message;
use crate::module::cell::{Cell, Way};
use crate::module::handling::{Serves, serve};
use crate::module::supervision::{bury, keep, reply_of};
use crate::module::tally::{Tally, Verdict};
use crate::module::{Module, Shared};
use crate::route::{BoxFuture, Closed, Inline, Offer, Route};
use crate::scope::Finish;
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
    fn accept(
        self: &Arc<Self>,
        message: &'static str,
        awaited: bool,
    ) -> Result<Accepted<M>, Closed> {
        self.accepted.fetch_add(1, Ordering::SeqCst);
        let mut accepted = Accepted {
            cell: Arc::clone(self),
            message,
            awaited,
            ctx: None,
            end: End::Dropped,
        };
        if self.closed.load(Ordering::SeqCst) {
            accepted.end = End::Refused;
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
        offer: &mut Offer<P>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<(), Closed>
    where
        P: Parcel,
        M: Serves<P>,
    {
        let mut accepted = self.accept(P::Message::NAME, false)?;
        let Some((header, parcel)) = offer.content.take() else {
            unreachable!("an offer is accepted once")
        };
        let cell = Arc::clone(self);
        self.spawn(async move {
            let _permit = match permit {
                Some(permit) => Some(permit),
                None => cell.permit().await,
            };
            let reply = accepted.run(parcel, header).await;
            if let (Err(error), Some(ctx)) = (reply, &accepted.ctx) {
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
    message: &'static str,
    /// Whether a caller waits for the reply.
    awaited: bool,
    /// There once the handler has begun: from then on this answers for the message in its unit of work.
    ctx: Option<Context<M>>,
    end: End,
}

enum End {
    Handler(Verdict),
    /// A dead letter, counted by who buried it.
    Buried,
    /// It came too late; whoever sent it is told.
    Refused,
    /// Dropped on the way: the caller of a query went away, or the module was cut off.
    Dropped,
}

impl<M: Module + Shared> Accepted<M> {
    /// Runs the handler. Its failure is logged and published here; telling it is the caller's part.
    async fn run<P>(&mut self, parcel: P, header: Header) -> Reply<P::Message>
    where
        P: Parcel,
        M: Serves<P>,
    {
        let cell = Arc::clone(&self.cell);
        let module = cell.module.wait().await.clone();
        let obstacle = header.in_flight.scope().obstacle();
        let Some((module, None)) = module.map(|module| (module, obstacle)) else {
            return Err(self.bury(header).into());
        };
        let ctx = self.ctx.insert(Context::new(Handle::of(header)));
        let result = serve::<P, M>(parcel, module, ctx).await;
        let (reply, verdict) =
            reply_of::<P::Message>(result, self.awaited, ctx.handle(), cell.declaration);
        self.end = End::Handler(verdict);
        reply
    }

    /// The message is not handled, since its unit of work or its module is over.
    fn bury(&mut self, header: Header) -> SendError {
        let obstacle = header.in_flight.scope().obstacle();
        let kind = obstacle.unwrap_or(FailureKind::Stopped);
        let error = refusal(self.message, &kind);
        bury(header, kind, &self.cell.tally, self.cell.declaration);
        self.end = End::Buried;
        error
    }

    /// The module was cut off while it handled the message.
    fn cut_off(&self) {
        self.cell.tally.count_dead(self.message);
        if let Some(ctx) = &self.ctx {
            ctx.handle().scope.fail(Failure {
                message: self.message,
                module: self.cell.declaration.name,
                sequence: ctx.handle().message.map_or(0, |(_, sequence)| sequence),
                kind: FailureKind::Stopped,
            });
        }
    }
}

impl<M: Module + Shared> Drop for Accepted<M> {
    fn drop(&mut self) {
        match self.end {
            End::Handler(verdict) => self.cell.tally.count(verdict),
            End::Buried => {}
            End::Refused => self.cell.tally.count_abandoned(),
            End::Dropped if self.awaited => self.cell.tally.count_abandoned(),
            End::Dropped => self.cut_off(),
        }
        if let Some(ctx) = &self.ctx {
            drop(Finish(&ctx.handle().scope));
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
        let accepted = self.accept(P::Message::NAME, true);
        Box::pin(async move {
            let Ok(mut accepted) = accepted else {
                header.in_flight.take_back();
                return Err(CallError::Stopped {
                    message: P::Message::NAME,
                });
            };
            let _permit = if root { self.permit().await } else { None };
            accepted.run(parcel, header).await
        })
    }

    fn post(
        self: Arc<Self>,
        mut offer: Offer<P>,
    ) -> Result<Option<BoxFuture<Result<(), Closed>>>, Closed> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok();
        if permit.is_none() && offer.root {
            return Ok(Some(Box::pin(async move {
                let permit = self.permit().await;
                self.begin(&mut offer, permit)
            })));
        }
        self.begin(&mut offer, permit).map(|()| None)
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
