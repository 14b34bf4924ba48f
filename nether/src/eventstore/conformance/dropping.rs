//! Futures that are dropped at any moment: what they were to write is there whole, or not at all.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use crate::eventstore::backend::{
    Append, Direction, DocumentChange, EventStore, Expected, Position, StoreFuture, StreamId,
};
use crate::eventstore::conformance::{append, event};

/// How many appends are begun, and at how many moments they are dropped.
const ROUNDS: u64 = 24;
const MOMENTS: u64 = 6;

/// How many events are in an append.
const EVENTS: usize = 3;

fn stream(round: u64) -> String {
    format!("dropped/{round}")
}

fn whole(round: u64) -> Append {
    let events = (0..EVENTS).map(|_| event("whole")).collect();
    append(&stream(round), Expected::Version(0), events)
}

fn pair(round: u64) -> Vec<DocumentChange> {
    let change = |key: &str| DocumentChange {
        collection: "dropped".into(),
        key: key.into(),
        content: Some(round.to_string().into_bytes()),
    };
    vec![change("left"), change("right")]
}

/// Polls a future so often, and drops it.
pub(super) async fn begun<T>(work: StoreFuture<'_, T>, polls: u64) {
    let mut work = pin!(work);
    for _ in 0..polls {
        let is_done = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx).is_ready())).await;
        if is_done {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn count(store: &impl EventStore, round: u64) -> usize {
    let stream = StreamId::from(stream(round));
    let read = store.read_stream(&stream, 1, Direction::Forwards, 10).await;
    read.expect("a stream can be read").len()
}

async fn check_pair(store: &impl EventStore) {
    let documents = store.documents("dropped").await;
    let documents = documents.expect("documents can be read");
    let contents: Vec<_> = documents.iter().map(|(_, content)| content).collect();
    assert!(
        matches!(contents[..], []) || contents.len() == 2 && contents[0] == contents[1],
        "documents of one change are written together, also if the caller is gone: {contents:?}"
    );
}

/// Positions have no gaps, and each append is there once, whole.
async fn check_all(store: &impl EventStore, expected: u64) {
    let all = store.read_all(Position::START, usize::MAX).await;
    let all = all.expect("all events can be read");
    let positions: Vec<u64> = all.iter().map(|event| event.position.0).collect();
    let each: Vec<u64> = (1..=expected).collect();
    assert_eq!(
        positions, each,
        "each append is there once, and positions have no gaps"
    );
}

pub(super) async fn what_is_dropped_is_done_whole_or_not_at_all(store: &impl EventStore) {
    for round in 0..ROUNDS {
        let new = whole(round);
        begun(store.append(new.clone()), round % MOMENTS).await;
        let count_now = count(store, round).await;
        assert!(
            count_now == 0 || count_now == EVENTS,
            "an append whose caller is gone is whole or not at all, and not {count_now} of {EVENTS} events"
        );
        begun(
            store.change_documents(pair(round), Vec::new()),
            round % MOMENTS,
        )
        .await;
        check_pair(store).await;
        let again = store.append(new).await;
        again.expect("an append is repeated if it is not known whether it was made");
        assert_eq!(count(store, round).await, EVENTS, "and is made once");
    }
    check_all(store, ROUNDS * EVENTS as u64).await;
}

pub(super) async fn what_is_cut_off_is_whole_when_it_is_opened_again<S: EventStore>(
    open: &impl AsyncFn() -> S,
) {
    let before = {
        let store = open().await;
        store.head().await.expect("the head can be read")
    };
    for round in 0..ROUNDS / 2 {
        let new = whole(round);
        let store = open().await;
        begun(store.append(new.clone()), round % MOMENTS).await;
        begun(
            store.change_documents(pair(round), Vec::new()),
            round % MOMENTS,
        )
        .await;
        drop(store);
        let store = open().await;
        let count_now = count(&store, round).await;
        assert!(
            count_now == 0 || count_now == EVENTS,
            "an append that was cut off is whole or not at all, and not {count_now} of {EVENTS} events"
        );
        check_pair(&store).await;
        let again = store.append(new).await;
        again.expect("an append is repeated if it is not known whether it was made");
        assert_eq!(count(&store, round).await, EVENTS, "and is made once");
    }
    let store = open().await;
    check_all(&store, before.0 + ROUNDS / 2 * EVENTS as u64).await;
}
