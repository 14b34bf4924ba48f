//! How a message is packed: [`Given`] (a command or query, by value, with its reply cell) or [`Shown`] (an event, shared).

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::error::CallError;
use crate::message::{ByValue, Event, Message};

/// What a caller waits for.
pub(crate) type Reply<M> = Result<<M as Message>::Reply, CallError<<M as Message>::Error>>;

/// Where a reply goes; nowhere if nobody asked for it.
pub(crate) type ReplyTo<M> = Option<oneshot::Sender<Reply<M>>>;

/// A packed message.
pub trait Parcel: Send + 'static {
    /// The message.
    type Message: Message;
    /// What the handler is given: the message, or an `Arc` of the event.
    type Content: Send;

    /// Takes the parcel apart.
    #[doc(hidden)]
    fn open(self) -> (Self::Content, ReplyTo<Self::Message>);
}

/// A command or query, given to the one module that handles it.
pub struct Given<M: Message> {
    pub(crate) message: M,
    pub(crate) reply: ReplyTo<M>,
}

impl<M: ByValue> Parcel for Given<M> {
    type Message = M;
    type Content = M;

    fn open(self) -> (M, ReplyTo<M>) {
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
pub struct Shown<E: Message>(pub(crate) Arc<E>);

impl<E: Event> Parcel for Shown<E> {
    type Message = E;
    type Content = Arc<E>;

    fn open(self) -> (Arc<E>, ReplyTo<E>) {
        (self.0, None)
    }
}

impl<E: Message> Clone for Shown<E> {
    fn clone(&self) -> Self {
        Shown(Arc::clone(&self.0))
    }
}

impl<E: Message> fmt::Debug for Shown<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shown").field(&E::NAME).finish()
    }
}
