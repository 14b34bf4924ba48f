//! Following a store: nothing is missed, nothing seen twice, no reader waits for events that are there.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::task::JoinSet;

use crate::eventstore::backend::{EventStore, Expected, Position, RecordedEvent};
use crate::eventstore::conformance::{append, event, happen};

/// How many append at the same time, and how much.
const WRITERS: u64 = 64;
const APPENDS: u64 = 20;

/// Lets many append at the same time, each to a stream of its own and all to one.
fn writers<S: EventStore>(store: &Arc<S>) -> JoinSet<()> {
    let mut writing = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(store);
        writing.spawn(async move {
            let own = format!("own/{writer}");
            for version in 0..APPENDS {
                let expected = Expected::Version(version * 2);
                let events = vec![event("own"), event("own")];
                let appended = store.append(append(&own, expected, events)).await;
                appended.expect("it has no other writer");
                happen(&*store, "all/1", &["shared"]).await;
            }
        });
    }
    writing
}

/// How many events they append.
const TOTAL: u64 = WRITERS * APPENDS * 3;

pub(super) async fn positions_have_no_gaps_while_many_append<S: EventStore>(store: Arc<S>) {
    writers(&store).join_all().await;
    let all = store.read_all(Position::START, usize::MAX).await;
    check_whole(&all.expect("all events can be read"));
}

/// All events are there, once, in order.
fn check_whole(events: &[RecordedEvent]) {
    let positions: Vec<u64> = events.iter().map(|event| event.position.0).collect();
    let each: Vec<u64> = (1..=TOTAL).collect();
    assert!(
        positions == each,
        "positions have no gaps, and no event comes twice"
    );
    let mut versions: HashMap<&str, u64> = HashMap::new();
    for event in events {
        let version = versions.entry(event.stream.as_str()).or_default();
        *version += 1;
        assert_eq!(
            event.stream_version, *version,
            "versions have no gaps, in `{}`",
            event.stream
        );
    }
}

pub(super) async fn wait_for_new_waits_for_what_is_new<S: EventStore>(store: Arc<S>) {
    happen(&*store, "a/1", &["1", "2"]).await;
    let newest = store.wait_for_new(Position::START).await;
    let newest = newest.expect("it can be waited for");
    assert_eq!(
        newest,
        Position(2),
        "what is there already is not waited for"
    );
    {
        let mut early = pin!(store.wait_for_new(Position(2)));
        for _ in 0..3 {
            let polled = poll_fn(|cx| Poll::Ready(early.as_mut().poll(cx).is_ready())).await;
            assert!(!polled, "there is nothing new yet");
            tokio::task::yield_now().await;
        }
        happen(&*store, "a/2", &["3"]).await;
        let newest = early.await.expect("it can be waited for");
        assert_eq!(newest, Position(3), "each waiter learns of new events");
    }
    let later = Arc::clone(&store);
    let waiting = tokio::spawn(async move { later.wait_for_new(Position(4)).await });
    happen(&*store, "a/1", &["4"]).await;
    happen(&*store, "a/1", &["5"]).await;
    let newest = waiting.await.expect("it does not panic");
    let newest = newest.expect("it can be waited for");
    assert_eq!(
        newest,
        Position(5),
        "and not before there is something after the position"
    );
}

pub(super) async fn no_waiter_misses_what_is_appended_as_it_begins_to_wait<S: EventStore>(
    store: Arc<S>,
) {
    for round in 0..100 {
        let after = Position(round);
        let mut waiting = pin!(store.wait_for_new(after));
        // As far as the future gets when it is polled so often.
        for _ in 0..round % 4 {
            let polled = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
            assert!(!polled, "there is nothing new yet");
        }
        let other = Arc::clone(&store);
        let beside = tokio::spawn(async move { other.wait_for_new(after).await });
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        happen(&*store, "a/1", &["new"]).await;
        for newest in [waiting.await, beside.await.expect("it does not panic")] {
            let newest = newest.expect("it can be waited for");
            assert_eq!(newest, Position(round + 1), "each waiter learns of it");
        }
    }
}

pub(super) async fn a_follower_sees_each_event_once<S: EventStore>(store: Arc<S>) {
    happen(&*store, "before/1", &["old"]).await;
    let before = store.head().await.expect("the head can be read");
    let following = Arc::clone(&store);
    let follower = tokio::spawn(async move {
        let (mut seen, mut after) = (Vec::new(), before);
        while seen.len() < TOTAL as usize {
            // Fewer at a time than there are, so that it falls behind and catches up.
            let page = following.read_all(after, 7).await;
            let page = page.expect("it can be read");
            match page.last() {
                Some(last) => after = last.position,
                None => {
                    following
                        .wait_for_new(after)
                        .await
                        .expect("it can be waited for");
                }
            }
            seen.extend(page);
        }
        seen
    });
    writers(&store).join_all().await;
    let mut seen = follower.await.expect("it does not panic");
    for event in &mut seen {
        event.position.0 -= before.0;
    }
    check_whole(&seen);
}
