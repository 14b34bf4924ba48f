//! The two ends of a reply: a reply reaches who waits, and an error is taken by its caller or is a failure of
//! the unit of work, never both and never neither.

/// What the sources import as `crate::sync`.
mod sync {
    pub(crate) use shuttle::sync::Mutex;
    use shuttle::sync::MutexGuard;

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("no holder panics")
    }
}

#[allow(dead_code)]
mod error {
    pub(crate) use crate::deadlock::Deadlock;

    #[derive(Debug)]
    pub(crate) enum CallError<E> {
        Handler(E),
        Stopped,
        Deadlock(Box<Deadlock>),
    }

    pub(crate) struct FailureKind;

    impl FailureKind {
        pub(crate) fn of<E>(_: CallError<E>) -> Self {
            FailureKind
        }
    }
}

#[allow(dead_code)]
#[path = "../../../nether/src/error/deadlock.rs"]
mod deadlock;
#[path = "../../../nether/src/escaped.rs"]
mod escaped;

mod envelope {
    use std::sync::Arc;

    use shuttle::sync::atomic::{AtomicU64, Ordering};

    use crate::error::FailureKind;

    /// The unit of work, as the number of the failures in it.
    pub(crate) struct FailureOrigin(pub(crate) Arc<AtomicU64>);

    impl FailureOrigin {
        pub(crate) fn keep(self, _: FailureKind) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

mod guarded {
    pub(crate) fn drop_unpanicked<T>(value: T) {
        drop(value);
    }
}

mod message {
    pub(crate) trait Message {
        type Reply: Send + 'static;
        type Error: Send + 'static;
    }
}

/// Roll calls are not tried out here.
#[allow(dead_code)]
mod scope {
    pub(crate) trait PendingReply: Send + Sync {
        fn is_open(&self) -> bool;
        fn wake(&self);
        fn close(&self);
    }

    pub(crate) fn last_roll() -> u64 {
        0
    }
}

#[allow(dead_code)]
#[path = "../../../nether/src/envelope/reply.rs"]
mod reply;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::thread;

use crate::envelope::FailureOrigin;
use crate::error::CallError;
use crate::message::Message;
use crate::reply::{Awaited, Reply, reply};

struct Ask;

impl Message for Ask {
    type Reply = u8;
    type Error = &'static str;
}

/// What the caller gets if there will be no reply.
fn none() -> Reply<Ask> {
    Err(CallError::Stopped)
}

fn poll(awaited: &mut Awaited<Reply<Ask>>) -> Poll<Reply<Ask>> {
    awaited.poll(&mut Context::from_waker(Waker::noop()), none)
}

fn in_all_interleavings(model: impl Fn() + Send + Sync + 'static) {
    shuttle::check_dfs(model, None);
}

#[test]
fn a_reply_reaches_who_waits_or_comes_back() {
    in_all_interleavings(|| {
        let (to, mut awaited) = reply::<Ask>(&Context::from_waker(Waker::noop()));
        let handler = thread::spawn(move || to.send(Ok(7)).is_err());
        let polled = poll(&mut awaited);
        drop(awaited);
        let has_come_back = handler.join().expect("it does not panic");
        match polled {
            Poll::Ready(reply) => assert!(matches!(reply, Ok(7)) && !has_come_back),
            // It was given to a caller that leaves, or came back: what is dropped is not asked for.
            Poll::Pending => {}
        }
    });
}

#[test]
fn an_error_is_taken_or_a_failure_and_never_both() {
    in_all_interleavings(|| {
        let failures = Arc::new(AtomicU64::new(0));
        let (to, mut awaited) = reply::<Ask>(&Context::from_waker(Waker::noop()));
        let of = FailureOrigin(Arc::clone(&failures));
        let handler = thread::spawn(move || to.fail(CallError::Handler("no"), of));
        let is_taken = match poll(&mut awaited) {
            Poll::Ready(reply) => {
                assert!(matches!(reply, Err(CallError::Handler("no"))));
                true
            }
            Poll::Pending => false,
        };
        drop(awaited); // The caller leaves.
        handler.join().expect("it does not panic");
        let failures = failures.load(Ordering::SeqCst);
        assert_eq!(u64::from(is_taken) + failures, 1);
    });
}

#[test]
fn an_error_that_was_not_polled_for_is_a_failure() {
    in_all_interleavings(|| {
        let failures = Arc::new(AtomicU64::new(0));
        let (to, awaited) = reply::<Ask>(&Context::from_waker(Waker::noop()));
        let of = FailureOrigin(Arc::clone(&failures));
        let handler = thread::spawn(move || to.fail(CallError::Handler("no"), of));
        drop(awaited);
        handler.join().expect("it does not panic");
        assert_eq!(failures.load(Ordering::SeqCst), 1);
    });
}

/// The unit of work ends the calls when it is cancelled, while the handler fails.
#[test]
fn an_error_of_a_call_that_was_ended_is_a_failure() {
    in_all_interleavings(|| {
        let failures = Arc::new(AtomicU64::new(0));
        let (to, mut awaited) = reply::<Ask>(&Context::from_waker(Waker::noop()));
        let call = to.call().expect("it is open");
        let of = FailureOrigin(Arc::clone(&failures));
        let handler = thread::spawn(move || to.fail(CallError::Handler("no"), of));
        call.close();
        let is_taken = match poll(&mut awaited) {
            Poll::Ready(Err(CallError::Handler("no"))) => true,
            Poll::Ready(reply) => {
                assert!(matches!(reply, Err(CallError::Stopped)));
                false
            }
            Poll::Pending => panic!("the call was ended"),
        };
        handler.join().expect("it does not panic");
        let failures = failures.load(Ordering::SeqCst);
        assert_eq!(u64::from(is_taken) + failures, 1);
    });
}

#[test]
fn a_handler_that_is_dropped_ends_the_wait() {
    in_all_interleavings(|| {
        let (to, mut awaited) = reply::<Ask>(&Context::from_waker(Waker::noop()));
        let handler = thread::spawn(move || drop(to));
        let first = poll(&mut awaited);
        handler.join().expect("it does not panic");
        let reply = match first {
            Poll::Pending => poll(&mut awaited),
            ready => ready,
        };
        assert!(matches!(reply, Poll::Ready(Err(CallError::Stopped))));
    });
}
