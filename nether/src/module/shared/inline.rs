//! How messages reach a shared module: in the caller's task, or in tasks of their own.

use std::sync::Arc;

use crate::envelope::{Header, Parcel, Reply};
use crate::error::{Result, SendError};
use crate::module::Module;
use crate::module::cell::Way;
use crate::module::shared::accepted::Accepted;
use crate::module::shared::places::Offered;
use crate::module::shared::{Handles, Hosting, SharedCell};
use crate::route::{BoxFuture, Inline, InlineCall, Route};

impl<M, K, P> Inline<P> for SharedCell<M, K>
where
    P: Parcel,
    M: Module,
    K: Handles<M, P>,
{
    fn call(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        is_external: bool,
    ) -> Result<InlineCall<Reply<P::Message>>, SendError> {
        let has_place = is_external && self.places.take();
        if is_external && !has_place {
            let offered = Offered::new(parcel, header);
            return Ok(InlineCall::Waiting(Box::pin(async move {
                let (parcel, header, has_place) = offered.enter(&self.places).await?;
                let mut parcel = Some(parcel);
                let (mut accepted, turn) = self.accept(header, &parcel, has_place)?;
                Ok(Box::pin(async move {
                    accepted.take_place().await;
                    accepted.run(turn, &mut parcel).await
                }) as BoxFuture<_>)
            })));
        }
        // What the future captures lies where it is, and is not moved once more.
        let mut parcel = Some(parcel);
        match self.accept(header, &parcel, has_place) {
            Ok((mut accepted, turn)) => Ok(InlineCall::Accepted(Box::pin(async move {
                accepted.run(turn, &mut parcel).await
            }))),
            Err(refused) => Err(refused),
        }
    }

    fn post(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        is_external: bool,
    ) -> Result<Option<BoxFuture<Result<(), SendError>>>, SendError> {
        let has_place = self.places.take();
        if !has_place && is_external {
            let offered = Offered::new(parcel, header);
            return Ok(Some(Box::pin(async move {
                let (parcel, header, has_place) = offered.enter(&self.places).await?;
                self.begin(parcel, header, has_place)
            })));
        }
        self.begin(parcel, header, has_place).map(|()| None)
    }

    fn try_call(
        self: Arc<Self>,
        parcel: &mut Option<P>,
        header: Header,
        is_external: bool,
    ) -> Result<BoxFuture<Reply<P::Message>>, SendError> {
        let has_place = self.places.try_take(&header, is_external)?;
        let (mut accepted, turn) = self.accept(header, parcel, has_place)?;
        let mut parcel = parcel.take();
        Ok(Box::pin(
            async move { accepted.run(turn, &mut parcel).await },
        ))
    }

    fn try_post(
        self: Arc<Self>,
        parcel: &mut Option<P>,
        header: Header,
        is_external: bool,
    ) -> Result<(), SendError> {
        let has_place = self.places.try_take(&header, is_external)?;
        let accepted = Arc::clone(&self).accept(header, parcel, has_place)?;
        self.run_alone(accepted, parcel.take());
        Ok(())
    }
}

impl<M: Module, K: Hosting<M>> SharedCell<M, K> {
    /// Accepts the message, and lets its handler run in a task of its own. Without a place it waits for one
    /// there.
    fn begin<P>(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        has_place: bool,
    ) -> Result<(), SendError>
    where
        P: Parcel,
        K: Handles<M, P>,
    {
        if let Some(copy) = K::copy_for_all(&parcel) {
            return self.begin_for_all(parcel, copy, header, has_place);
        }
        let parcel = Some(parcel);
        let accepted = Arc::clone(&self).accept(header, &parcel, has_place)?;
        self.run_alone(accepted, parcel);
        Ok(())
    }

    /// Lets the handler run in a task of its own; without a place it waits for one there.
    fn run_alone<P>(&self, (mut accepted, turn): (Accepted<M, K>, K::Turn), parcel: Option<P>)
    where
        P: Parcel,
        K: Handles<M, P>,
    {
        self.spawn(Box::pin(async move {
            accepted.run_alone(turn, parcel).await;
        }));
    }
}

impl<M, K, P> Way<P> for SharedCell<M, K>
where
    M: Module,
    K: Handles<M, P>,
    P: Parcel,
{
    #[allow(private_interfaces)]
    fn route(cells: &[Arc<Self>]) -> Route<P> {
        // Its handlers run concurrently as it is: there is one instance.
        Route::Inline(Arc::clone(&cells[0]) as _)
    }
}
