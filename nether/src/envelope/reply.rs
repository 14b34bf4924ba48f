//! [`ReplyTo`] and [`Awaited`]: the two ends of one reply, in one allocation.
//!
//! A channel would name the reply's type in its own. The handler's end names the message alone, so that what
//! holds it is a plain type even if the message turns out to be none: the compiler then reports that, and
//! nothing that follows from it.
//!
//! What an error comes to, in all interleavings, is tried out in `tests/models`.

use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::envelope::FailureOrigin;
use crate::error::{CallError, Deadlock, FailureKind};
use crate::guarded::drop_unpanicked;
use crate::message::Message;
use crate::scope::{PendingReply, last_roll};
use crate::sync::{Mutex, lock};

/// What a caller waits for.
pub(crate) type Reply<M> = Result<<M as Message>::Reply, CallError<<M as Message>::Error>>;

/// The handler's end. Dropped without a reply, it notifies the caller that none will come.
pub struct ReplyTo<M>(Option<Arc<dyn OpenReply<M>>>);

/// The caller's end. Dropped, it notifies the handler that no caller waits.
pub(crate) struct Awaited<R>(ManuallyDrop<Option<Arc<ReplyCell<R>>>>);

/// In the order of its fields, a reply begins at a multiple of 16 bytes, which are moved at once: a read that
/// spans two of these moves would have to wait for both.
#[repr(C)]
struct ReplyCell<R> {
    /// The number of the waiter in whose task the caller waits, as far as that is known; or 0.
    owner: AtomicU64,
    state: Mutex<ReplyState<R>>,
    /// The number of the last roll call before the caller polled, of whatever unit of work.
    last_roll: AtomicU64,
}

enum ReplyState<R> {
    /// Both ends are there; this is who waits.
    Open(Waker),
    Replied(R),
    /// The reply is an error. Unless its caller takes it, it is a failure of the unit of work.
    Failed(Box<Unclaimed<R>>),
    /// One of the ends is gone, or the reply was taken.
    Closed,
}

/// An error that its caller has not taken yet.
struct Unclaimed<R> {
    reply: R,
    of: FailureOrigin,
    keep: fn(R, FailureOrigin),
}

impl<R> Unclaimed<R> {
    /// Makes it a failure of the unit of work.
    fn keep(self) {
        let Unclaimed { reply, of, keep } = self;
        keep(reply, of);
    }
}

/// A cell that takes the reply to an `M`.
trait OpenReply<M>: PendingReply {
    /// Puts the reply in and returns the waker of the caller, or returns the reply if its caller has gone.
    fn put(&self, reply: Reply<M>) -> Result<Waker, Reply<M>>
    where
        M: Message;

    /// Puts an error in; keeps it as a failure of the unit of work if no caller waits.
    fn fail(&self, error: Box<Unclaimed<Reply<M>>>)
    where
        M: Message;

    /// There will be no reply, unless there was one already.
    fn abandon(&self);
}

/// The two ends of a new reply. A caller that waits for it, with the waker of `cx`, need not poll until
/// woken.
#[inline]
pub(crate) fn reply<M: Message>(cx: &Context<'_>) -> (ReplyTo<M>, Awaited<Reply<M>>) {
    let cell = Arc::new(ReplyCell {
        state: Mutex::new(ReplyState::Open(cx.waker().clone())),
        owner: AtomicU64::new(0),
        last_roll: AtomicU64::new(0),
    });
    (
        ReplyTo(Some(Arc::clone(&cell) as _)),
        Awaited(ManuallyDrop::new(Some(cell))),
    )
}

impl<M> ReplyTo<M> {
    /// Gives the reply to the caller that waits for it; returns it if none does.
    #[inline]
    pub(crate) fn send(mut self, reply: Reply<M>) -> Result<(), Reply<M>>
    where
        M: Message,
    {
        let Some(cell) = self.0.take() else {
            return Err(reply);
        };
        let caller = cell.put(reply)?;
        // Before the caller wakes, on another thread perhaps: it takes the reply out without the lock.
        drop(cell);
        caller.wake();
        Ok(())
    }

    /// Gives an error to the caller that waits for the reply. If none does, or the caller leaves without
    /// taking it, it is a failure of the unit of work.
    #[cold]
    pub(crate) fn fail(mut self, error: CallError<M::Error>, of: FailureOrigin)
    where
        M: Message,
    {
        let unclaimed = Box::new(Unclaimed {
            reply: Err(error),
            of,
            keep: keep_reply::<M>,
        });
        match self.0.take() {
            Some(cell) => cell.fail(unclaimed),
            None => unclaimed.keep(),
        }
    }
}

fn keep_reply<M: Message>(reply: Reply<M>, of: FailureOrigin) {
    if let Err(error) = reply {
        of.keep(FailureKind::of(error));
    }
}

impl<M: 'static> ReplyTo<M> {
    /// The call, as its unit of work ends it.
    #[inline]
    pub(crate) fn call(&self) -> Option<Arc<dyn PendingReply>> {
        let cell = self.0.as_ref()?;
        Some(Arc::clone(cell) as _)
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
    fn put(&self, reply: Reply<M>) -> Result<Waker, Reply<M>> {
        let mut state = lock(&self.state);
        if !matches!(*state, ReplyState::Open(_)) {
            return Err(reply);
        }
        match std::mem::replace(&mut *state, ReplyState::Replied(reply)) {
            ReplyState::Open(caller) => Ok(caller),
            _ => unreachable!("it was just seen to be open"),
        }
    }

    fn fail(&self, error: Box<Unclaimed<Reply<M>>>) {
        if let Err(ReplyState::Failed(late)) = self.close_with(ReplyState::Failed(error)) {
            late.keep();
        }
    }

    fn abandon(&self) {
        let _ = self.close_with(ReplyState::Closed);
    }
}

impl<R> ReplyCell<R> {
    /// Ends the wait, if there is one; gives back the end that comes too late.
    #[inline]
    fn close_with(&self, end: ReplyState<R>) -> Result<(), ReplyState<R>> {
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
        Err(end)
    }
}

/// A reply, whatever its type, in the wait-for graph.
pub(crate) trait ExpectedReply: PendingReply {
    /// The number of the waiter in whose task the caller waits; 0 if it waits elsewhere.
    fn owner(&self) -> u64;

    fn set_owner(&self, waiter: u64);

    /// The number of the last roll call before the caller polled.
    fn last_roll(&self) -> u64;

    /// The caller gets this instead: the reply would never arrive.
    fn refuse(&self, deadlock: Deadlock);
}

impl<T: Send, E: Send> ExpectedReply for ReplyCell<Result<T, CallError<E>>> {
    fn owner(&self) -> u64 {
        self.owner.load(Ordering::SeqCst)
    }

    fn set_owner(&self, waiter: u64) {
        self.owner.store(waiter, Ordering::SeqCst);
    }

    fn last_roll(&self) -> u64 {
        self.last_roll.load(Ordering::SeqCst)
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

    fn close(&self) {
        let _ = self.close_with(ReplyState::Closed);
    }

    fn wake(&self) {
        let waker = match &*lock(&self.state) {
            ReplyState::Open(waker) => waker.clone(),
            ReplyState::Replied(_) | ReplyState::Failed(_) | ReplyState::Closed => return,
        };
        waker.wake();
    }
}

impl<T: Send + 'static, E: Send + 'static> Awaited<Result<T, CallError<E>>> {
    /// The reply, to be registered.
    pub(crate) fn expected(&self) -> Arc<dyn ExpectedReply> {
        match &*self.0 {
            Some(cell) => Arc::clone(cell) as _,
            None => Arc::new(ReplyCell {
                state: Mutex::new(ReplyState::<Result<T, CallError<E>>>::Closed),
                owner: AtomicU64::new(0),
                last_roll: AtomicU64::new(0),
            }),
        }
    }
}

impl<R> Awaited<R> {
    /// The address that distinguishes the reply from others, for as long as it is awaited or registered.
    pub(crate) fn address(&self) -> usize {
        self.0.as_ref().map_or(0, |cell| Arc::as_ptr(cell).addr())
    }

    /// The caller polls in the task of the waiter that has this number, or elsewhere: 0. In another one than
    /// before, it does not count any more as one that waits. Gives back the number of the one before then.
    pub(crate) fn note_polled_in(&self, waiter: u64) -> Option<u64> {
        let cell = (*self.0).as_ref()?;
        cell.last_roll.store(last_roll(), Ordering::SeqCst);
        let before = cell.owner.load(Ordering::SeqCst);
        if before == waiter || before == 0 {
            return None;
        }
        cell.owner.store(0, Ordering::SeqCst);
        Some(before)
    }

    /// The reply, once it is there, or what is `instead` of one. Not polled again after it was.
    #[inline(always)] // A reply is large: each function that hands it on would move it.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, instead: impl FnOnce() -> R) -> Poll<R> {
        let Some(cell) = self.0.take_if(|cell| Arc::strong_count(cell) == 1) else {
            return self.poll_shared(cx, instead);
        };
        // The handler's end is gone, so no other task can come by: no lock.
        let Some(mut cell) = Arc::into_inner(cell) else {
            return Poll::Ready(instead());
        };
        let state = cell.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        Poll::Ready(match std::mem::replace(state, ReplyState::Closed) {
            ReplyState::Replied(reply) => reply,
            ReplyState::Failed(unclaimed) => unclaimed.reply,
            ReplyState::Open(_) | ReplyState::Closed => instead(),
        })
    }

    fn poll_shared(&mut self, cx: &mut Context<'_>, instead: impl FnOnce() -> R) -> Poll<R> {
        let Some(cell) = &*self.0 else {
            return Poll::Ready(instead());
        };
        let mut state = lock(&cell.state);
        if let ReplyState::Open(waker) = &mut *state {
            let is_other = !waker.will_wake(cx.waker());
            let old = is_other.then(|| std::mem::replace(waker, cx.waker().clone()));
            drop(state);
            drop(old); // What a waker holds is the user's.
            return Poll::Pending;
        }
        let end = std::mem::replace(&mut *state, ReplyState::Closed);
        drop(state);
        drop(self.0.take());
        Poll::Ready(match end {
            ReplyState::Replied(reply) => reply,
            ReplyState::Failed(unclaimed) => unclaimed.reply,
            ReplyState::Open(_) | ReplyState::Closed => instead(),
        })
    }
}

impl<R> Awaited<R> {
    /// The caller no longer waits, and has not taken the reply.
    #[cold]
    #[inline(never)]
    fn leave(&mut self) {
        if let Some(cell) = self.0.take() {
            // What was in the cell is dropped outside the lock: it is the user's.
            let unread = std::mem::replace(&mut *lock(&cell.state), ReplyState::Closed);
            match unread {
                ReplyState::Failed(unclaimed) => unclaimed.keep(),
                ReplyState::Replied(reply) => drop_unpanicked(reply),
                ReplyState::Open(_) | ReplyState::Closed => {}
            }
        }
    }
}

/// Written by hand so that dropping a reply that was taken costs one comparison.
impl<R> Drop for Awaited<R> {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_some() {
            self.leave();
        }
    }
}

impl<M> fmt::Debug for ReplyTo<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyTo")
    }
}
