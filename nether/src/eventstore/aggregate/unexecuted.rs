//! [`Unexecuted`]: why a command has neither a reply nor an error of its own; and the attempt that ends with
//! one of these.

use std::pin::pin;

use crate::context::Context;
use crate::envelope::Parcel;
use crate::error::Error;
use crate::eventstore::backend::StoreError;
use crate::eventstore::handling::CutOff;
use crate::guarded::{Guarded, HandlerFault};
use crate::message::Message;
use crate::module::{Attempt, Module, Replied, end_observed, observed};

/// Why a command was not executed.
#[derive(Debug)]
pub(in crate::eventstore) enum Unexecuted {
    Store(StoreError),
    /// Its decision was cut off, so that nothing is stored.
    CutOff(CutOff),
    /// What it waited for has failed.
    Other(Error),
}

impl From<StoreError> for Unexecuted {
    fn from(error: StoreError) -> Self {
        Unexecuted::Store(error)
    }
}

impl From<CutOff> for Unexecuted {
    fn from(cut_off: CutOff) -> Self {
        Unexecuted::CutOff(cut_off)
    }
}

impl From<Unexecuted> for HandlerFault {
    fn from(unexecuted: Unexecuted) -> Self {
        match unexecuted {
            Unexecuted::Store(error) => HandlerFault::Unavailable(Box::new(error.into())),
            Unexecuted::CutOff(cut_off) => cut_off.into(),
            Unexecuted::Other(error) => HandlerFault::Unavailable(Box::new(error)),
        }
    }
}

/// The attempt of a handler that executes the message of a parcel.
pub(in crate::eventstore) async fn attempted<M: Module, P: Parcel>(
    handler: impl Future<Output = Result<Replied<P::Message>, Unexecuted>> + Send,
    ctx: &Context<M>,
) -> Attempt<P::Message> {
    let result = {
        let handler = pin!(handler);
        let observed = observed(ctx, P::Message::descriptor);
        let result = Guarded::new(handler, observed.as_deref()).await;
        let result = match result {
            Ok(Ok(replied)) => Ok(replied),
            Ok(Err(unexecuted)) => Err(unexecuted.into()),
            Err(fault) => Err(fault),
        };
        end_observed::<P::Message>(observed, result)
    };
    Attempt::Ended(result)
}
