//! [`ReplyTo`] and [`Awaited`]: the two ends of one reply, in one allocation.
//!
//! A channel would name the reply's type in its own. The handler's end names the message alone, so that what holds it is a
//! plain type even if the message turns out to be none: the compiler then reports that, and nothing that follows from it.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::error::CallError;
use crate::message::Message;
use crate::sync::lock;

/// What a caller waits for.
pub(crate) type Reply<M> = Result<<M as Message>::Reply, CallError<<M as Message>::Error>>;

/// The handler's end. Dropped without a reply, it tells the caller that none will come.
pub struct ReplyTo<M>(Arc<dyn Open<M>>);

/// The caller's end. Dropped, it lets the handler know that nobody waits.
pub(crate) struct Awaited<R>(Arc<Cell<R>>);

/// No reply will come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoReply;

struct Cell<R>(Mutex<State<R>>);

enum State<R> {
    /// Both ends are there; the waker of who waits, once it has asked.
    Open(Option<Waker>),
    Replied(R),
    /// One of the ends is gone, or the reply was taken.
    Closed,
}

/// A cell that takes the reply to an `M`.
trait Open<M>: Send + Sync {
    /// Puts the reply in; gives it back if nobody waits.
    fn put(&self, reply: Reply<M>) -> Result<(), Reply<M>>
    where
        M: Message;

    /// There will be no reply, unless there was one already.
    fn abandon(&self);
}

/// The two ends of a new reply.
#[inline]
pub(crate) fn reply<M: Message>() -> (ReplyTo<M>, Awaited<Reply<M>>) {
    let cell = Arc::new(Cell(Mutex::new(State::Open(None))));
    (ReplyTo(Arc::clone(&cell) as _), Awaited(cell))
}

impl<M> ReplyTo<M> {
    /// Gives the reply to who waits for it; gives it back if nobody does.
    #[inline]
    pub(crate) fn send(self, reply: Reply<M>) -> Result<(), Reply<M>>
    where
        M: Message,
    {
        self.0.put(reply)
    }
}

impl<M> Drop for ReplyTo<M> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<M: Message> Open<M> for Cell<Reply<M>> {
    fn put(&self, reply: Reply<M>) -> Result<(), Reply<M>> {
        self.close_with(State::Replied(reply))
    }

    fn abandon(&self) {
        let _ = self.close_with(State::Closed);
    }
}

impl<R> Cell<R> {
    /// Ends the wait, if there is one; gives back the reply that comes too late.
    fn close_with(&self, end: State<R>) -> Result<(), R> {
        let mut state = lock(&self.0);
        let State::Open(waker) = &mut *state else {
            drop(state);
            return match end {
                State::Replied(reply) => Err(reply),
                State::Open(_) | State::Closed => Ok(()),
            };
        };
        let waker = waker.take();
        *state = end;
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }
}

impl<R> Awaited<R> {
    /// The reply, once it is there. Not polled again after it was.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<R, NoReply>> {
        let mut state = lock(&self.0.0);
        match &mut *state {
            State::Open(Some(waker)) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            State::Open(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            State::Replied(_) | State::Closed => {
                match std::mem::replace(&mut *state, State::Closed) {
                    State::Replied(reply) => Poll::Ready(Ok(reply)),
                    State::Open(_) | State::Closed => Poll::Ready(Err(NoReply)),
                }
            }
        }
    }
}

impl<R> Drop for Awaited<R> {
    fn drop(&mut self) {
        // What was in the cell is dropped outside the lock: it is the user's.
        let _unread = std::mem::replace(&mut *lock(&self.0.0), State::Closed);
    }
}

impl<M> fmt::Debug for ReplyTo<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyTo")
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::{NoReply, reply};
    use crate::prelude::*;

    #[command(reply = u8)]
    struct Ask;

    #[test]
    fn a_reply_reaches_who_waits() {
        let (to, mut awaited) = reply::<Ask>();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(awaited.poll(&mut cx).is_pending());
        assert!(to.send(Ok(7)).is_ok());
        assert!(matches!(awaited.poll(&mut cx), Poll::Ready(Ok(Ok(7)))));
    }

    #[test]
    fn a_dropped_handler_ends_the_wait() {
        let (to, mut awaited) = reply::<Ask>();
        drop(to);
        let polled = awaited.poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Err(NoReply))));
    }

    #[test]
    fn a_reply_that_nobody_waits_for_comes_back() {
        let (to, awaited) = reply::<Ask>();
        drop(awaited);
        assert!(matches!(to.send(Ok(7)), Err(Ok(7))));
    }
}
