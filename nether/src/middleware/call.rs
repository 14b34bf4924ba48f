//! [`Call`], [`Next`] and [`Answer`]: what middleware is given, and what it gives back.

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;

use tokio::sync::MappedMutexGuard;

use crate::envelope::Unhandled;
use crate::error::{HandlerError, Rejection};
use crate::message::Message;
use crate::middleware::MessageInfo;

/// What middleware gives back: the reply, or why there is none.
pub type Answer<M> = Result<<M as Message>::Reply, AnswerError<<M as Message>::Error>>;

/// Why a message has no reply, as middleware sees it. `E` is the error that the message declares. A handler
/// that panics or takes too long gives middleware nothing: it is dropped with the handler.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnswerError<E> {
    /// The handler returned this error.
    Handler(E),
    /// Middleware further in, or this one, did not let the message through.
    Rejected(Rejection),
}

impl<E> From<Rejection> for AnswerError<E> {
    fn from(rejection: Rejection) -> Self {
        AnswerError::Rejected(rejection)
    }
}

impl<E: HandlerError> fmt::Display for AnswerError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnswerError::Handler(error) => fmt::Display::fmt(error, f),
            AnswerError::Rejected(rejection) => rejection.fmt(f),
        }
    }
}

/// One attempt at a message, for middleware: the message, and, by [`Deref`], the [`MessageInfo`].
///
/// The handler takes the message, so [`Next::run`] takes the `Call`. Take what is wanted after it before:
/// [`info`](Call::info) is a copy.
pub struct Call<'a, M: Message> {
    message: MappedMutexGuard<'a, dyn Unhandled<M>>,
    info: MessageInfo<'a>,
}

impl<'a, M: Message> Call<'a, M> {
    pub(super) fn new(
        message: MappedMutexGuard<'a, dyn Unhandled<M>>,
        info: MessageInfo<'a>,
    ) -> Self {
        Call { message, info }
    }

    /// The message.
    pub fn message(&self) -> &M {
        self.message.unhandled()
    }

    /// The description of the message, which stays available after [`Next::run`].
    pub fn info(&self) -> MessageInfo<'a> {
        self.info
    }

    /// The message as JSON; `None` if it is [`local`](macro@crate::command), or without the feature `json`.
    pub fn json(&self) -> Option<String> {
        self.message().to_json()
    }

    /// The answer of middleware that does not let the message through.
    ///
    /// # Errors
    /// The rejection, always.
    pub fn reject(self, rejection: Rejection) -> Answer<M> {
        Err(AnswerError::Rejected(rejection))
    }
}

impl<'a, M: Message> Deref for Call<'a, M> {
    type Target = MessageInfo<'a>;

    fn deref(&self) -> &MessageInfo<'a> {
        &self.info
    }
}

impl<M: Message> fmt::Debug for Call<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.info).finish()
    }
}

/// What comes after middleware: the next one in the list, and after the last one the handler.
///
/// It is a future that is lent: nothing is allocated for it. Dropped, the message is not handled.
#[must_use = "without `next.run(call).await` the message is not handled"]
pub struct Next<'a, M: Message> {
    future: Pin<&'a mut (dyn Future<Output = Answer<M>> + Send + 'a)>,
}

impl<'a, M: Message> Next<'a, M> {
    pub(super) fn new(future: Pin<&'a mut (dyn Future<Output = Answer<M>> + Send + 'a)>) -> Self {
        Next { future }
    }

    /// Lets the message go on to what comes next, and gives back its answer. It takes `self`, so it is called
    /// at most once.
    ///
    /// # Errors
    /// The error of the handler, or the rejection of middleware further in.
    pub async fn run(self, call: Call<'_, M>) -> Answer<M> {
        // What comes next takes the message.
        drop(call);
        self.future.await
    }
}

impl<M: Message> fmt::Debug for Next<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("message", &M::NAME).finish()
    }
}
