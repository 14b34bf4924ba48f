//! [`ReplyTo`] and [`Awaited`]: the two ends of one reply, in one allocation.
//!
//! A channel would name the reply's type in its own. The handler's end names the message alone, so that what
//! holds it is a plain type even if the message turns out to be none: the compiler then reports that, and
//! nothing that follows from it.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::error::{CallError, Deadlock, SendError};
use crate::message::Message;
use crate::scope::PendingReply;
use crate::sync::lock;

/// What a caller waits for.
pub(crate) type Reply<M> = Result<<M as Message>::Reply, CallError<<M as Message>::Error>>;

/// The handler's end. Dropped without a reply, it tells the caller that none will come.
pub struct ReplyTo<M>(Option<Arc<dyn OpenReply<M>>>);

/// The caller's end. Dropped, it lets the handler know that nobody waits.
pub(crate) struct Awaited<R>(Option<Arc<ReplyCell<R>>>);

struct ReplyCell<R> {
    state: Mutex<ReplyState<R>>,
    /// The number of the exclusive module in whose task the caller waits, as far as that is known; or 0.
    owner: AtomicU64,
}

enum ReplyState<R> {
    /// Both ends are there; this is who waits.
    Open(Waker),
    Replied(R),
    /// One of the ends is gone, or the reply was taken.
    Closed,
}

/// A cell that takes the reply to an `M`.
trait OpenReply<M>: Send + Sync {
    /// Puts the reply in; gives it back if nobody waits.
    fn put(&self, reply: Reply<M>) -> Result<(), Reply<M>>
    where
        M: Message;

    /// There will be no reply, unless there was one already.
    fn abandon(&self);
}

/// The two ends of a new reply. Whoever waits for it, with the waker of `cx`, need not poll until woken.
#[inline]
pub(crate) fn reply<M: Message>(cx: &Context<'_>) -> (ReplyTo<M>, Awaited<Reply<M>>) {
    let cell = Arc::new(ReplyCell {
        state: Mutex::new(ReplyState::Open(cx.waker().clone())),
        owner: AtomicU64::new(0),
    });
    (ReplyTo(Some(Arc::clone(&cell) as _)), Awaited(Some(cell)))
}

impl<M> ReplyTo<M> {
    /// Gives the reply to who waits for it; gives it back if nobody does.
    #[inline]
    pub(crate) fn send(mut self, reply: Reply<M>) -> Result<(), Reply<M>>
    where
        M: Message,
    {
        match self.0.take() {
            Some(cell) => cell.put(reply),
            None => Err(reply),
        }
    }
}

impl<M> Drop for ReplyTo<M> {
    #[inline]
    fn drop(&mut self) {
        if let Some(cell) = &self.0 {
            cell.abandon();
        }
    }
}

impl<M: Message> OpenReply<M> for ReplyCell<Reply<M>> {
    fn put(&self, reply: Reply<M>) -> Result<(), Reply<M>> {
        self.close_with(ReplyState::Replied(reply))
    }

    fn abandon(&self) {
        let reason = REASON.try_with(|reason| reason.borrow().clone());
        let end = match reason.ok().flatten() {
            Some(reason) => ReplyState::Replied(Err(reason.into())),
            None => ReplyState::Closed,
        };
        let _ = self.close_with(end);
    }
}

thread_local! {
    /// Why those do not get a reply whose message is being dropped.
    static REASON: RefCell<Option<SendError>> = const { RefCell::new(None) };
}

/// Lets `drop_message` drop a message that is not handled for this reason: its caller gets it.
#[cold]
pub(crate) fn without_reply(reason: SendError, drop_message: impl FnOnce()) {
    REASON.set(Some(reason));
    drop_message();
    REASON.set(None);
}

impl<R> ReplyCell<R> {
    /// Ends the wait, if there is one; gives back the reply that comes too late.
    #[inline]
    fn close_with(&self, end: ReplyState<R>) -> Result<(), R> {
        let mut state = lock(&self.state);
        if let ReplyState::Open(_) = &*state {
            let open = std::mem::replace(&mut *state, end);
            drop(state);
            if let ReplyState::Open(waker) = open {
                waker.wake();
            }
            return Ok(());
        }
        drop(state);
        match end {
            ReplyState::Replied(reply) => Err(reply),
            ReplyState::Open(_) | ReplyState::Closed => Ok(()),
        }
    }
}

/// A reply, whatever its type, in the wait-for graph.
pub(crate) trait ExpectedReply: PendingReply {
    /// The number of the exclusive module in whose task the caller waits; 0 if it waits elsewhere.
    fn owner(&self) -> u64;

    fn set_owner(&self, module: u64);

    /// It is no longer expected.
    fn close(&self);

    /// The caller gets this instead: the reply would never arrive.
    fn refuse(&self, deadlock: Deadlock);
}

impl<T: Send, E: Send> ExpectedReply for ReplyCell<Result<T, CallError<E>>> {
    fn owner(&self) -> u64 {
        self.owner.load(Ordering::SeqCst)
    }

    fn set_owner(&self, module: u64) {
        self.owner.store(module, Ordering::SeqCst);
    }

    fn close(&self) {
        let _ = self.close_with(ReplyState::Closed);
    }

    fn refuse(&self, deadlock: Deadlock) {
        let refused = Err(CallError::Deadlock(Box::new(deadlock)));
        let _ = self.close_with(ReplyState::Replied(refused));
    }
}

impl<R: Send> PendingReply for ReplyCell<R> {
    fn is_open(&self) -> bool {
        matches!(*lock(&self.state), ReplyState::Open(_))
    }

    fn wake(&self) {
        let waker = match &*lock(&self.state) {
            ReplyState::Open(waker) => waker.clone(),
            ReplyState::Replied(_) | ReplyState::Closed => return,
        };
        waker.wake();
    }
}

impl<T: Send + 'static, E: Send + 'static> Awaited<Result<T, CallError<E>>> {
    /// The reply, to be registered.
    pub(crate) fn expected(&self) -> Arc<dyn ExpectedReply> {
        match &self.0 {
            Some(cell) => Arc::clone(cell) as _,
            None => Arc::new(ReplyCell {
                state: Mutex::new(ReplyState::<Result<T, CallError<E>>>::Closed),
                owner: AtomicU64::new(0),
            }),
        }
    }
}

impl<R> Awaited<R> {
    /// What tells the reply from others, for as long as it is awaited or registered.
    pub(crate) fn address(&self) -> usize {
        self.0.as_ref().map_or(0, |cell| Arc::as_ptr(cell).addr())
    }

    /// The caller polls in the task of the exclusive module that has this number, or elsewhere: 0. In another
    /// one than before, it does not count any more as one that waits.
    pub(crate) fn is_polled_in(&self, module: u64) {
        if let Some(cell) = &self.0
            && cell.owner.load(Ordering::SeqCst) != module
        {
            cell.owner.store(0, Ordering::SeqCst);
        }
    }

    /// The reply, once it is there, or what is `instead` of one. Not polled again after it was.
    #[inline(always)] // A reply is large: each function that hands it on would move it.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, instead: impl FnOnce() -> R) -> Poll<R> {
        let Some(cell) = self.0.take_if(|cell| Arc::strong_count(cell) == 1) else {
            return self.poll_shared(cx, instead);
        };
        // The handler's end is gone, so nobody else can come by: no lock.
        match Arc::into_inner(cell).map(|cell| cell.state.into_inner()) {
            Some(Ok(ReplyState::Replied(reply))) => Poll::Ready(reply),
            _ => Poll::Ready(instead()),
        }
    }

    fn poll_shared(&mut self, cx: &mut Context<'_>, instead: impl FnOnce() -> R) -> Poll<R> {
        let Some(cell) = &self.0 else {
            return Poll::Ready(instead());
        };
        let mut state = lock(&cell.state);
        if let ReplyState::Open(waker) = &mut *state {
            waker.clone_from(cx.waker());
            return Poll::Pending;
        }
        let end = std::mem::replace(&mut *state, ReplyState::Closed);
        drop(state);
        self.0 = None;
        Poll::Ready(match end {
            ReplyState::Replied(reply) => reply,
            ReplyState::Open(_) | ReplyState::Closed => instead(),
        })
    }
}

impl<R> Drop for Awaited<R> {
    #[inline]
    fn drop(&mut self) {
        if let Some(cell) = &self.0 {
            // What was in the cell is dropped outside the lock: it is the user's.
            let _unread = std::mem::replace(&mut *lock(&cell.state), ReplyState::Closed);
        }
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

    use super::{Reply, reply};
    use crate::prelude::*;

    #[command(reply = u8)]
    struct Ask;

    fn none() -> Reply<Ask> {
        Err(CallError::Stopped { message: "Ask" })
    }

    #[test]
    fn a_reply_reaches_who_waits() {
        let mut cx = Context::from_waker(Waker::noop());
        let (to, mut awaited) = reply::<Ask>(&cx);
        assert!(awaited.poll(&mut cx, none).is_pending());
        assert!(to.send(Ok(7)).is_ok());
        assert!(matches!(awaited.poll(&mut cx, none), Poll::Ready(Ok(7))));
    }

    #[test]
    fn a_dropped_handler_ends_the_wait() {
        let mut cx = Context::from_waker(Waker::noop());
        let (to, mut awaited) = reply::<Ask>(&cx);
        drop(to);
        let polled = awaited.poll(&mut cx, none);
        assert!(matches!(
            polled,
            Poll::Ready(Err(CallError::Stopped { .. }))
        ));
    }

    #[test]
    fn a_reply_that_nobody_waits_for_comes_back() {
        let (to, awaited) = reply::<Ask>(&Context::from_waker(Waker::noop()));
        drop(awaited);
        assert!(matches!(to.send(Ok(7)), Err(Ok(7))));
    }
}
