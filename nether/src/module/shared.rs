//! [`SharedCell`]: a module whose handlers run concurrently: in the caller's task, or in tasks of their own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SetOnce};

use crate::context::{Context, Handle};
use crate::declaration::Declaration;
use crate::envelope::{Header, Parcel, Reply};
use crate::error::{CallError, FailureKind, Result, SendError};
use crate::mediator::Stopping;
use crate::message::Message;
use crate::module::Shared;
use crate::module::cell::{Cell, Way};
use crate::module::handling::{Serves, serve};
use crate::module::supervision::{bury, keep, reply_of};
use crate::module::tally::{Tally, Verdict};
use crate::route::{BoxFuture, Closed, Inline, Route};
use crate::scope::Finish;

/// A shared module, and what it has done.
#[doc(hidden)]
pub struct SharedCell<M: Shared> {
    /// Set once: when the module has started, or to `None` when it failed to.
    module: SetOnce<Option<Arc<M>>>,
    /// How many handlers may run. Root work waits for a permit; what handlers cause runs in tasks of its own and waits
    /// there; a call from inside a handler needs none, for a caller must never wait for itself.
    permits: Arc<Semaphore>,
    accepted: AtomicU64,
    closed: AtomicBool,
    /// Told by `close`, and by every message that ends after it.
    idle: Notify,
    stopping: Arc<Stopping>,
    tally: Tally,
    declaration: &'static Declaration,
}

impl<M: Shared> SharedCell<M> {
    fn accept(self: &Arc<Self>) -> Result<Accepted<M>, Closed> {
        self.accepted.fetch_add(1, Ordering::SeqCst);
        let accepted = Accepted {
            cell: Arc::clone(self),
            end: End::Abandoned,
        };
        if self.closed.load(Ordering::SeqCst) {
            Err(Closed)
        } else {
            Ok(accepted)
        }
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

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }
}

/// A message that a shared module has accepted. Dropped, it counts how the message ended.
struct Accepted<M: Shared> {
    cell: Arc<SharedCell<M>>,
    end: End,
}

enum End {
    Handler(Verdict),
    /// A dead letter, counted by who buried it.
    Buried,
    /// The caller of a query went away, or the runtime did.
    Abandoned,
}

impl<M: Shared> Accepted<M> {
    /// Runs the handler. Its failure is logged and published here; telling it is the caller's part.
    async fn run<P>(
        &mut self,
        parcel: P,
        header: Header,
        ctx: &mut Option<Context<M>>,
    ) -> Reply<P::Message>
    where
        P: Parcel,
        M: Serves<P>,
    {
        let cell = Arc::clone(&self.cell);
        let module = cell.module.wait().await.clone();
        let obstacle = header.in_flight.scope().obstacle();
        let Some((module, None)) = module.map(|module| (module, obstacle)) else {
            let kind = header
                .in_flight
                .scope()
                .obstacle()
                .unwrap_or(FailureKind::Stopped);
            let error = refusal(P::Message::NAME, &kind);
            bury(header, kind, &cell.tally, cell.declaration);
            self.end = End::Buried;
            return Err(error.into());
        };
        let ctx = ctx.insert(Context::new(Handle::of(header)));
        let (message, _) = parcel.open();
        let result = serve::<P, M>(message, module, ctx).await;
        let (reply, verdict) = reply_of::<P::Message>(result, ctx.handle(), cell.declaration);
        self.end = End::Handler(verdict);
        reply
    }
}

impl<M: Shared> Drop for Accepted<M> {
    fn drop(&mut self) {
        let cell = &self.cell;
        match self.end {
            End::Handler(verdict) => cell.tally.count(verdict),
            End::Buried => {}
            End::Abandoned => cell.tally.count_abandoned(),
        }
        if cell.closed.load(Ordering::SeqCst) {
            cell.idle.notify_waiters();
        }
        cell.stopping.tell_quiet();
    }
}

fn refusal(message: &'static str, kind: &FailureKind) -> SendError {
    match kind {
        FailureKind::Cancelled => SendError::Cancelled { message },
        FailureKind::DeadlineExceeded => SendError::DeadlineExceeded { message },
        _ => SendError::Stopped { message },
    }
}

/// The context of a running handler; dropped, its message is no longer in flight.
struct Running<M: Shared>(Option<Context<M>>);

impl<M: Shared> Drop for Running<M> {
    fn drop(&mut self) {
        if let Some(ctx) = &self.0 {
            drop(Finish(&ctx.handle().scope));
        }
    }
}

impl<M, P> Inline<P> for SharedCell<M>
where
    P: Parcel,
    M: Shared + Serves<P>,
{
    fn call(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        root: bool,
    ) -> BoxFuture<Reply<P::Message>> {
        let accepted = self.accept();
        Box::pin(async move {
            let Ok(mut accepted) = accepted else {
                header.in_flight.take_back();
                return Err(CallError::Stopped {
                    message: P::Message::NAME,
                });
            };
            let _permit = if root { self.permit().await } else { None };
            let mut running = Running(None);
            accepted.run(parcel, header, &mut running.0).await
        })
    }

    fn post(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        root: bool,
    ) -> Result<Option<BoxFuture<()>>, Closed> {
        let mut accepted = match self.accept() {
            Ok(accepted) => accepted,
            Err(Closed) => {
                header.in_flight.take_back();
                return Err(Closed);
            }
        };
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok();
        let must_wait = root && permit.is_none();
        let cell = Arc::clone(&self);
        let run = move |permit: Option<OwnedSemaphorePermit>| async move {
            let _permit = match permit {
                Some(permit) => Some(permit),
                None => cell.permit().await,
            };
            let mut running = Running(None);
            let reply = accepted.run(parcel, header, &mut running.0).await;
            if let (Err(error), Some(ctx)) = (reply, &running.0) {
                keep::<P::Message>(error, ctx.handle(), cell.declaration);
            }
        };
        if must_wait {
            return Ok(Some(Box::pin(async move {
                let permit = self.permit().await;
                tokio::spawn(run(permit));
            })));
        }
        tokio::spawn(run(permit));
        Ok(None)
    }
}

impl<M, P> Way<P> for SharedCell<M>
where
    M: Shared + Serves<P>,
    P: Parcel,
{
    #[allow(private_interfaces)]
    fn route(self: &Arc<Self>) -> Route<P> {
        Route::Inline(Arc::clone(self) as _)
    }
}

#[allow(private_interfaces)]
impl<M: Shared> Cell<M> for SharedCell<M> {
    fn new(bound: usize, declaration: &'static Declaration, stopping: Arc<Stopping>) -> Self {
        SharedCell {
            module: SetOnce::new(),
            permits: Arc::new(Semaphore::new(bound.min(Semaphore::MAX_PERMITS))),
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
            module.on_stop_shared(&Context::new(standing)).await
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

    fn bury_rest(&self) {
        // Nothing waits here: what is accepted runs in a task already.
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

impl<M: Shared> fmt::Debug for SharedCell<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCell")
            .field("module", &M::descriptor().declaration.name)
            .finish_non_exhaustive()
    }
}
