//! How a message is packed: [`Given`] (a command or query, by value, with its reply cell) or [`Shown`] (an
//! event, shared).

use std::fmt;
use std::sync::Arc;

use crate::envelope::{FailureOrigin, ReplyTo};
use crate::error::FailureKind;
use crate::guarded::drop_unpanicked;
use crate::message::{ByValue, Event, Message};

/// What a parcel is made of. It has no bounds, as the parcels have none.
#[doc(hidden)]
pub trait Packed {
    /// What the handler of an exclusive module gets of it.
    type Content;
}

/// A packed message.
pub trait Parcel: Packed + Send + 'static {
    /// The message.
    type Message: Message;

    /// The message, which no handler has taken yet.
    ///
    /// # Panics
    /// If it was handled before.
    #[doc(hidden)]
    fn sent(&self) -> &Self::Message;

    /// The message as JSON, if it is still there and can be.
    #[doc(hidden)]
    fn json(&self) -> Option<String>;

    /// Where the reply goes, if a caller asked for it.
    #[doc(hidden)]
    fn take_reply_to(&mut self) -> Option<ReplyTo<Self::Message>>;

    /// What the handler gets; and where the reply goes, which can be looked at meanwhile.
    #[doc(hidden)]
    fn split(&mut self) -> (&mut Self::Content, Option<&ReplyTo<Self::Message>>);

    /// Drops the message, if its handler was given a copy. A panic of its `Drop` goes no further.
    #[doc(hidden)]
    fn discard(&mut self);
}

/// What has a message that no handler had yet: what middleware is shown.
#[doc(hidden)]
pub trait Unhandled<M>: Send + Sync + 'static {
    /// The message.
    ///
    /// # Panics
    /// If it was handled before.
    fn unhandled(&self) -> &M;
}

impl<M: Send + Sync + 'static> Unhandled<M> for Content<M> {
    fn unhandled(&self) -> &M {
        self.0.as_ref().expect("a message is handled once")
    }
}

impl<M: Send + Sync + ByValue> Unhandled<M> for Given<M> {
    fn unhandled(&self) -> &M {
        self.content.unhandled()
    }
}

impl<E: Event> Unhandled<E> for Shown<E> {
    fn unhandled(&self) -> &E {
        &self.0
    }
}

/// A packed message, whatever its type, that its handler did not reply to.
#[doc(hidden)]
pub trait AnyParcel {
    /// The message as JSON, if it is still there and can be.
    fn json(&self) -> Option<String>;

    /// Ends the message: its caller gets the reason, or else its unit of work.
    #[allow(private_interfaces)] // Called by the framework alone.
    fn fail(&mut self, kind: FailureKind, of: FailureOrigin);
}

impl<P: Parcel> AnyParcel for P {
    fn json(&self) -> Option<String> {
        Parcel::json(self)
    }

    #[allow(private_interfaces)]
    fn fail(&mut self, kind: FailureKind, of: FailureOrigin) {
        match self.take_reply_to() {
            Some(to) => to.fail(kind.into_call_error(P::Message::NAME), of),
            None => of.keep(kind),
        }
    }
}

/// A command or query, given to the one module that handles it.
///
/// Neither this type nor [`Shown`] has bounds: what a module's list names may turn out to be no message, and
/// that is reported where it is asserted, not wherever a parcel is named.
pub struct Given<M> {
    content: Content<M>,
    reply: Option<ReplyTo<M>>,
}

/// The message of a [`Given`]; `None` once its handler has it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Content<M>(Option<M>);

impl<M> Packed for Given<M> {
    type Content = Content<M>;
}

impl<M> Content<M> {
    /// The message, for its handler. It is moved only here, from where its sender has put it.
    ///
    /// # Panics
    /// If it was taken before.
    #[inline]
    pub fn message(&mut self) -> M {
        self.0.take().expect("a message is handled once")
    }
}

impl<M> Given<M> {
    #[inline]
    pub(crate) fn new(message: M, reply: Option<ReplyTo<M>>) -> Self {
        Given {
            content: Content(Some(message)),
            reply,
        }
    }

    /// The message, for its handler.
    ///
    /// # Panics
    /// If it was taken before.
    #[doc(hidden)]
    #[inline]
    pub fn message(&mut self) -> M {
        self.content.message()
    }
}

impl<M> Given<M> {
    /// The message, which no handler had yet, to look at.
    ///
    /// # Panics
    /// If it was taken before.
    #[doc(hidden)]
    #[inline]
    pub fn shown(&self) -> &M {
        self.content.0.as_ref().expect("a message is handled once")
    }

    /// A copy of the message, for a handler that may be tried again. No caller waits for its reply.
    pub(crate) fn again(&self) -> Self
    where
        M: Clone,
    {
        Given {
            content: Content(self.content.0.clone()),
            reply: None,
        }
    }

    /// The message back, which no handler had.
    pub(crate) fn into_message(self) -> Option<M> {
        self.content.0
    }
}

impl<M: ByValue + Send> Parcel for Given<M> {
    type Message = M;

    #[inline]
    fn sent(&self) -> &M {
        let message = self.content.0.as_ref();
        message.expect("a message is handled once")
    }

    fn json(&self) -> Option<String> {
        self.content.0.as_ref().and_then(Message::to_json)
    }

    fn take_reply_to(&mut self) -> Option<ReplyTo<M>> {
        self.reply.take()
    }

    #[inline]
    fn split(&mut self) -> (&mut Content<M>, Option<&ReplyTo<M>>) {
        (&mut self.content, self.reply.as_ref())
    }

    fn discard(&mut self) {
        drop_unpanicked(self.content.0.take());
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

impl<E> Packed for Shown<E> {
    type Content = Self;
}

impl<E> Shown<E> {
    /// The event, to look at.
    #[doc(hidden)]
    #[inline]
    pub fn shown(&self) -> &E {
        &self.0
    }

    /// The event, for its handler.
    #[doc(hidden)]
    #[inline]
    pub fn message(&self) -> &E {
        &self.0
    }
}

impl<E: Event> Parcel for Shown<E> {
    type Message = E;

    #[inline]
    fn sent(&self) -> &E {
        &self.0
    }

    fn json(&self) -> Option<String> {
        self.0.to_json()
    }

    fn take_reply_to(&mut self) -> Option<ReplyTo<E>> {
        None
    }

    #[inline]
    fn split(&mut self) -> (&mut Self, Option<&ReplyTo<E>>) {
        (self, None)
    }

    fn discard(&mut self) {}
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
