//! Messages that are sent without the compiler having seen that they may be: they come from outside of the
//! program, or from its event store.

use crate::context::Context;
#[cfg(feature = "http")]
use crate::context::admission;
use crate::context::calling::{CallFuture, CallOf, HandlerProof};
#[cfg(feature = "eventstore")]
use crate::context::{Post, PostFuture};
use crate::declaration::Declaration;
#[cfg(feature = "eventstore")]
use crate::envelope::Shown;
#[cfg(feature = "http")]
use crate::error::SendError;
use crate::message::ByValue;
#[cfg(feature = "eventstore")]
use crate::message::Event;
use crate::routing::Caller;

/// A handler of which only the routing table knows.
struct Unproven;

impl HandlerProof for Unproven {
    fn declaration() -> Option<&'static Declaration> {
        None
    }
}

impl<S: Caller> Context<S> {
    /// Sends or asks the message, whether or not the compiler has seen its handler. The start of the system
    /// checks that there is one.
    pub(crate) fn call<M: ByValue + Send>(&self, message: M) -> CallOf<'_, M> {
        CallFuture::new::<Unproven>(self.handle(), message)
    }

    /// Checks that the message may be sent from here, without sending it.
    #[cfg(feature = "http")]
    pub(crate) fn check<M: ByValue>(&self, message: &M) -> Result<(), SendError> {
        admission::check(self.handle(), message)
    }

    /// Publishes the event, whether or not the compiler has seen that it may be.
    #[cfg(feature = "eventstore")]
    pub(crate) fn publish_unproven<E: Event>(&self, event: E) -> PostFuture<'_, E, Shown<E>> {
        PostFuture::new(self.handle(), event, E::NAME, Shown::<E>::post::<Unproven>)
    }
}
