//! How messages reach a shared module: in the caller's task, or in tasks of their own.

use std::future::ready;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::envelope::{Header, Parcel, Reply};
use crate::error::{Result, SendError};
use crate::message::Message;
use crate::module::cell::Way;
use crate::module::handler::{SharedHandler, keep};
use crate::module::shared::SharedCell;
use crate::module::shared::accepted::{Accepted, MessageEnd};
use crate::module::{Module, Shared};
use crate::route::{BoxFuture, Inline, Route};

impl<M, P> Inline<P> for SharedCell<M>
where
    P: Parcel,
    M: Module + Shared + SharedHandler<P>,
{
    fn call(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        is_external: bool,
    ) -> BoxFuture<Reply<P::Message>> {
        // What the future captures lies where it is, and is not moved once more.
        let mut parcel = Some(parcel);
        match self.accept(header, &parcel) {
            Ok(mut accepted) => {
                Box::pin(async move { accepted.run(&mut parcel, is_external).await })
            }
            Err(refused) => Box::pin(ready(Err(refused.into()))),
        }
    }

    fn post(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        is_external: bool,
    ) -> Result<Option<BoxFuture<Result<(), SendError>>>, SendError> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok();
        if permit.is_none() && is_external {
            let mut offered = Offered(Some((parcel, header)));
            return Ok(Some(Box::pin(async move {
                // The semaphore is never closed.
                let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
                match offered.0.take() {
                    Some((parcel, header)) => self.begin(parcel, header, permit),
                    None => Err(SendError::Stopped {
                        message: P::Message::NAME,
                    }),
                }
            })));
        }
        self.begin(parcel, header, permit).map(|()| None)
    }

    fn try_call(
        self: Arc<Self>,
        parcel: &mut Option<P>,
        header: Header,
        is_external: bool,
    ) -> Result<BoxFuture<Reply<P::Message>>, SendError> {
        let permit = self.permit(&header, is_external)?;
        let mut accepted = self.accept(header, parcel)?;
        let mut parcel = parcel.take();
        Ok(Box::pin(async move {
            let reply = accepted.run(&mut parcel, false).await;
            drop(permit);
            reply
        }))
    }

    fn try_post(
        self: Arc<Self>,
        parcel: &mut Option<P>,
        header: Header,
        is_external: bool,
    ) -> Result<(), SendError> {
        let permit = self.permit(&header, is_external)?;
        let accepted = Arc::clone(&self).accept(header, parcel)?;
        self.run_alone(accepted, parcel.take(), permit);
        Ok(())
    }
}

impl<M: Module + Shared> SharedCell<M> {
    /// Accepts the message, and lets its handler run in a task of its own. Without a permit it waits for one
    /// there.
    fn begin<P>(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<(), SendError>
    where
        P: Parcel,
        M: SharedHandler<P>,
    {
        let parcel = Some(parcel);
        let accepted = Arc::clone(&self).accept(header, &parcel)?;
        self.run_alone(accepted, parcel, permit);
        Ok(())
    }

    /// Lets the handler run in a task of its own; without a permit it waits for one there.
    fn run_alone<P>(
        &self,
        mut accepted: Accepted<M>,
        mut parcel: Option<P>,
        permit: Option<OwnedSemaphorePermit>,
    ) where
        P: Parcel,
        M: SharedHandler<P>,
    {
        self.spawn(async move {
            let reply = accepted.run(&mut parcel, permit.is_none()).await;
            if let (Err(error), MessageEnd::Handled(_)) = (reply, accepted.end) {
                keep::<P::Message>(error, accepted.ctx.handle(), accepted.cell.declaration);
            }
        });
    }

    /// A permit for what does not wait for one. Work from outside needs it.
    fn permit(
        &self,
        header: &Header,
        is_external: bool,
    ) -> Result<Option<OwnedSemaphorePermit>, SendError> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok();
        if permit.is_none() && is_external {
            header.scope.take_back(1);
            let message = header.label.message.name();
            return Err(SendError::Full { message });
        }
        Ok(permit)
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
    M: Module + Shared + SharedHandler<P>,
    P: Parcel,
{
    #[allow(private_interfaces)]
    fn route(cells: &[Arc<Self>]) -> Route<P> {
        // Its handlers run concurrently as it is: there is one instance.
        Route::Inline(Arc::clone(&cells[0]) as _)
    }
}
