//! The channel of a shared stream: no waiter sleeps while there is an item, or room, or an end for them. A
//! model whose threads all sleep fails as a deadlock.

/// What the sources import as `crate::sync`.
mod sync {
    pub(crate) use shuttle::sync::Mutex;
    use shuttle::sync::MutexGuard;

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("no holder panics")
    }
}

#[allow(dead_code)]
#[path = "../../../nether/src/error/boxed.rs"]
mod boxed_error;
#[allow(dead_code)]
#[path = "../../../nether/src/error/stream.rs"]
mod stream_error;

mod error {
    pub(crate) use crate::boxed_error as boxed;
    pub(crate) use crate::stream_error::{PushError, StreamError};
}

mod guarded {
    /// Nothing panics here.
    pub(crate) fn drop_unpanicked<T>(value: T) {
        drop(value);
    }
}

#[allow(dead_code, unused_imports)]
#[path = "../../../nether/src/channel/mod.rs"]
mod channel;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shuttle::future::block_on;
use shuttle::thread;

use crate::channel::{AnyChannel, Channel};

type Numbers = Arc<Channel<u32>>;

fn numbers(capacity: usize) -> Numbers {
    Arc::new(Channel::new(capacity))
}

fn push(channel: &Numbers, number: u32) {
    let (mut item, mut ticket) = (Some(number), None);
    let pushed = block_on(poll_fn(|cx| channel.poll_push(&mut item, &mut ticket, cx)));
    pushed.expect("it is taken");
}

/// The next item for one who joins; `None` at the end.
fn pull(channel: &Numbers) -> Option<u32> {
    let mut ticket = None;
    let pulled = block_on(poll_fn(|cx| channel.poll_join(&mut ticket, cx)));
    pulled.expect("it ends in order")
}

/// What one who joins and looks but once has got.
fn pull_and_give_up(channel: &Numbers) -> Option<u32> {
    let (mut ticket, mut cx) = (None, Context::from_waker(Waker::noop()));
    match channel.poll_join(&mut ticket, &mut cx) {
        Poll::Ready(pulled) => pulled.expect("it ends in order"),
        Poll::Pending => {
            thread::yield_now();
            channel.withdraw_join(&mut ticket);
            None
        }
    }
}

/// Tries out every order in which the threads may take their steps.
fn in_all_interleavings(model: impl Fn() + Send + Sync + 'static) {
    shuttle::check_dfs(model, None);
}

/// Tries out many orders: where there are too many to try them all.
fn in_many_interleavings(model: impl Fn() + Send + Sync + 'static) {
    shuttle::check_pct(model, 20_000, 3);
}

#[test]
fn two_who_join_get_an_item_each_though_there_is_room_for_one() {
    in_many_interleavings(|| {
        let channel = numbers(1);
        channel.join();
        channel.join();
        let joined: Vec<_> = (0..2)
            .map(|_| {
                let channel = Arc::clone(&channel);
                thread::spawn(move || pull(&channel))
            })
            .collect();
        push(&channel, 1);
        push(&channel, 2);
        let mut got: Vec<_> = joined
            .into_iter()
            .map(|it| it.join().expect("it does not panic"))
            .collect();
        got.sort();
        assert_eq!(got, [Some(1), Some(2)]);
    });
}

#[test]
fn an_item_that_woke_one_who_gave_up_wakes_another() {
    in_many_interleavings(|| {
        let channel = numbers(1);
        channel.join();
        channel.join();
        let patient = {
            let channel = Arc::clone(&channel);
            thread::spawn(move || pull(&channel))
        };
        let hasty = {
            let channel = Arc::clone(&channel);
            thread::spawn(move || pull_and_give_up(&channel))
        };
        push(&channel, 1);
        let early = hasty.join().expect("it does not panic");
        if early.is_some() {
            push(&channel, 2);
        }
        let late = patient.join().expect("it does not panic");
        // Each got what the other did not.
        assert_eq!(late, if early == Some(1) { Some(2) } else { Some(1) });
    });
}

/// It was woken as a stream, is kept, and is never polled again.
#[test]
fn an_item_that_woke_one_who_does_not_come_back_wakes_another() {
    in_many_interleavings(|| {
        let channel = numbers(2);
        channel.join();
        channel.join();
        let patient = {
            let channel = Arc::clone(&channel);
            thread::spawn(move || {
                let mut ticket = None;
                let pulled = block_on(poll_fn(|cx| channel.poll_follow(&mut ticket, cx)));
                pulled.expect("it ends in order")
            })
        };
        let kept = {
            let channel = Arc::clone(&channel);
            thread::spawn(move || {
                let (mut ticket, mut cx) = (None, Context::from_waker(Waker::noop()));
                channel.poll_follow(&mut ticket, &mut cx).is_ready()
            })
        };
        push(&channel, 1);
        if kept.join().expect("it does not panic") {
            push(&channel, 2);
        }
        assert!(patient.join().expect("it does not panic").is_some());
    });
}

#[test]
fn room_that_woke_one_who_gave_up_wakes_another() {
    in_many_interleavings(|| {
        let channel = numbers(1);
        channel.join();
        push(&channel, 0);
        let hasty = {
            let channel = Arc::clone(&channel);
            thread::spawn(move || {
                let (mut item, mut ticket) = (Some(1), None);
                let mut cx = Context::from_waker(Waker::noop());
                let pushed = channel.poll_push(&mut item, &mut ticket, &mut cx);
                thread::yield_now();
                if let Some(ticket) = ticket {
                    channel.withdraw_push(ticket);
                }
                pushed.is_ready()
            })
        };
        let patient = {
            let channel = Arc::clone(&channel);
            thread::spawn(move || push(&channel, 2))
        };
        assert_eq!(pull(&channel), Some(0));
        let first = pull(&channel);
        let was_hasty_pushed = hasty.join().expect("it does not panic");
        if was_hasty_pushed {
            assert_eq!(first.max(pull(&channel)), Some(2));
        } else {
            assert_eq!(first, Some(2));
        }
        patient.join().expect("it does not panic");
    });
}

#[test]
fn a_sleeper_at_the_end_is_woken() {
    in_all_interleavings(|| {
        let channel = numbers(1);
        channel.join();
        let joined = {
            let channel = Arc::clone(&channel);
            thread::spawn(move || pull(&channel))
        };
        channel.end(Ok(()));
        assert_eq!(joined.join().expect("it does not panic"), None);
    });
}

#[test]
fn a_waiter_for_a_consumer_that_leaves_gets_an_error() {
    in_all_interleavings(|| {
        let channel = numbers(1);
        channel.join();
        push(&channel, 0);
        let pushing = {
            let channel = Arc::clone(&channel);
            thread::spawn(move || {
                let (mut item, mut ticket) = (Some(1), None);
                block_on(poll_fn(|cx| channel.poll_push(&mut item, &mut ticket, cx)))
            })
        };
        channel.part(None, None);
        assert!(pushing.join().expect("it does not panic").is_err());
    });
}

#[test]
fn one_who_watches_sees_everything_though_there_is_room_for_one() {
    in_many_interleavings(|| {
        let channel = numbers(1);
        let watched: Vec<_> = (0..2)
            .map(|_| channel.watch(true, |number| *number))
            .map(|mut cursor| {
                let channel = Arc::clone(&channel);
                thread::spawn(move || {
                    let mut see = || {
                        let (mut ahead, mut ticket) = (VecDeque::new(), None);
                        let seen = poll_fn(|cx| {
                            channel.poll_watch(&mut cursor, &mut ahead, &mut ticket, cx)
                        });
                        block_on(seen).expect("it ends in order")
                    };
                    [see(), see(), see()]
                })
            })
            .collect();
        push(&channel, 1);
        push(&channel, 2);
        channel.end(Ok(()));
        for watcher in watched {
            let seen = watcher.join().expect("it does not panic");
            assert_eq!(seen, [Some(1), Some(2), None]);
        }
    });
}
