//! How a message is packed: [`Given`] (a command or query, by value, with its reply cell) or [`Shown`] (an event, shared).

use std::fmt;
use std::sync::Arc;

use crate::envelope::ReplyTo;
use crate::message::{ByValue, Event, Message};

/// A packed message.
pub trait Parcel: Send + 'static {
    /// The message.
    type Message: Message;
    /// What the handler is given: the message, or an `Arc` of the event.
    type Content: Send;

    /// Takes the parcel apart: what the handler is given, and where its reply goes, if anybody asked for it.
    #[doc(hidden)]
    fn open(self) -> (Self::Content, Option<ReplyTo<Self::Message>>);
}

/// A command or query, given to the one module that handles it.
///
/// Neither this type nor [`Shown`] has bounds: what a module's list names may turn out to be no message, and that is
/// reported where it is asserted, not wherever a parcel is named.
pub struct Given<M> {
    pub(crate) message: M,
    pub(crate) reply: Option<ReplyTo<M>>,
}

impl<M: ByValue + Send> Parcel for Given<M> {
    type Message = M;
    type Content = M;

    fn open(self) -> (M, Option<ReplyTo<M>>) {
        (self.message, self.reply)
    }
}

impl<M: Message> fmt::Debug for Given<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given")
            .field("message", &M::NAME)
            .field("awaited", &self.reply.is_some())
            .finish()
    }
}

/// An event, shown to every module that handles it.
pub struct Shown<E>(pub(crate) Arc<E>);

impl<E: Event> Parcel for Shown<E> {
    type Message = E;
    type Content = Arc<E>;

    fn open(self) -> (Arc<E>, Option<ReplyTo<E>>) {
        (self.0, None)
    }
}

impl<E> Clone for Shown<E> {
    fn clone(&self) -> Self {
        Shown(Arc::clone(&self.0))
    }
}

impl<E: Message> fmt::Debug for Shown<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shown").field(&E::NAME).finish()
    }
}
