//! Appends to several streams: made together, or not at all.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::eventstore::backend::{
    Append, Direction, DocumentCondition, EventStore, Expected, Position, StoreError, StreamId,
};
use crate::eventstore::conformance::dropping::begun;
use crate::eventstore::conformance::{append, event, happen, texts};

/// How many append at the same time, and how often each of them has to succeed.
const MANY: usize = 16;
const WINS: usize = 4;

async fn version(store: &impl EventStore, stream: &str) -> u64 {
    let stream = StreamId::from(stream);
    let newest = store.read_stream(&stream, u64::MAX, Direction::Backwards, 1);
    let newest = newest.await.expect("a stream can be read");
    newest.first().map_or(0, |event| event.stream_version)
}

async fn all(store: &impl EventStore) -> Vec<String> {
    let all = store.read_all(Position::START, usize::MAX).await;
    texts(&all.expect("it can be read"))
}

fn at(stream: &str, version: u64, texts: &[&str]) -> Append {
    let events = texts.iter().map(|text| event(text)).collect();
    append(stream, Expected::Version(version), events)
}

pub(super) async fn a_store_that_cannot_says_so(store: &impl EventStore) {
    let refused = store.append_all(vec![at("a/1", 0, &["1"])]).await;
    assert!(
        matches!(refused, Err(StoreError::Unsupported { .. })),
        "a store whose `can_append_all` is `false` refuses to: {refused:?}"
    );
    assert_eq!(all(store).await, [""; 0], "and writes nothing");
}

pub(super) async fn several_streams_are_written_together(store: &impl EventStore) {
    happen(store, "a/1", &["0"]).await;
    let both = vec![at("a/1", 1, &["1", "2"]), at("b/1", 0, &["3"])];
    let appended = store.append_all(both).await;
    let appended = appended.expect("the versions are as expected");
    let found: Vec<_> = appended
        .iter()
        .map(|it| (it.version, it.position.0, it.is_repeated))
        .collect();
    assert_eq!(
        found,
        [(3, 3, false), (1, 4, false)],
        "each append has its result, in order, and positions have no gaps"
    );
    assert_eq!(
        all(store).await,
        ["0", "1", "2", "3"],
        "the events are stored in the order of the appends"
    );
    let nothing = store.append_all(Vec::new()).await;
    assert_eq!(
        nothing.expect("no append is made").len(),
        0,
        "no append has no result"
    );
    let head = store.head().await.expect("the head can be read");
    assert_eq!(head, Position(4), "the head is the last of the events");
    let new = store.wait_for_new(Position(3)).await;
    assert_eq!(new.expect("there is something new"), Position(4));
}

pub(super) async fn one_conflict_refuses_all(store: &impl EventStore) {
    happen(store, "a/1", &["1"]).await;
    happen(store, "b/1", &["2"]).await;
    for lost in [&["lost"][..], &[]] {
        for others in [
            vec![at("a/1", 1, &["no"]), at("b/1", 0, lost)],
            vec![at("b/1", 2, lost), at("a/1", 1, &["no"])],
        ] {
            match store.append_all(others).await {
                Err(StoreError::Conflict { stream, actual, .. }) => assert_eq!(
                    (stream.as_str(), actual),
                    ("b/1", 1),
                    "a conflict names the stream that is in another version"
                ),
                other => panic!("another version than expected is a conflict: {other:?}"),
            }
            assert_eq!(all(store).await, ["1", "2"], "nothing is written in part");
        }
    }
    let seen = store
        .append_all(vec![at("a/1", 1, &["3"]), at("b/1", 1, &[])])
        .await;
    let seen = seen.expect("a stream that is only looked at is in the expected version");
    assert_eq!(
        (seen[1].version, seen[1].is_repeated),
        (1, false),
        "looking changes nothing"
    );
    assert_eq!(all(store).await, ["1", "2", "3"]);
}

pub(super) async fn several_looks_are_one(store: &impl EventStore) {
    happen(store, "a/1", &["1"]).await;
    let look = || vec![at("a/1", 1, &[]), at("b/1", 0, &[])];
    let looked = store.append_all(look()).await;
    let looked = looked.expect("both are in the expected version");
    let found: Vec<_> = looked
        .iter()
        .map(|it| (it.version, it.position.0, it.is_repeated))
        .collect();
    assert_eq!(
        found,
        [(1, 1, false), (0, 1, false)],
        "looking has the versions, and the position of the newest event"
    );
    happen(store, "b/1", &["2"]).await;
    let refused = store.append_all(look()).await;
    assert!(
        matches!(&refused, Err(StoreError::Conflict { stream, .. }) if stream.as_str() == "b/1"),
        "looking at another version than expected is a conflict: {refused:?}"
    );
}

pub(super) async fn all_are_repeated_or_none(store: &impl EventStore) {
    let [first, second, third] = ["1", "2", "3"].map(event);
    let on = |stream, expected, events| append(stream, Expected::Version(expected), events);
    let both = vec![
        on("a/1", 0, vec![first.clone()]),
        on("seen/1", 0, Vec::new()),
        on("b/1", 0, vec![second.clone()]),
    ];
    let made = store.append_all(both.clone()).await.expect("it is new");
    happen(store, "a/1", &["between"]).await;
    happen(store, "seen/1", &["between"]).await;
    let again = store.append_all(both).await;
    let again = again.expect("what is there already is no conflict");
    assert!(
        again.iter().all(|it| it.is_repeated),
        "it was there already: {again:?}"
    );
    for index in [0, 2] {
        assert_eq!(
            (again[index].version, again[index].position),
            (made[index].version, made[index].position),
            "a repetition says what came of it the first time"
        );
    }
    for appends in [
        // The first is stored, the second is not.
        vec![
            on("a/1", 2, vec![first.clone()]),
            on("b/1", 1, vec![third.clone()]),
        ],
        vec![
            on("b/1", 1, vec![third.clone()]),
            on("a/1", 2, vec![first.clone()]),
        ],
        // An event of another stream.
        vec![on("b/1", 1, vec![first.clone()]), on("a/1", 2, Vec::new())],
        vec![
            on("b/1", 1, vec![third.clone(), second.clone()]),
            on("a/1", 2, Vec::new()),
        ],
    ] {
        let refused = store.append_all(appends.clone()).await;
        assert!(
            matches!(refused, Err(StoreError::Duplicate { .. })),
            "appends of which a part is stored are refused: {appends:?}, {refused:?}"
        );
    }
    let stored = all(store).await;
    assert_eq!(
        stored,
        ["1", "2", "between", "between"],
        "nothing is written"
    );
}

pub(super) async fn streams_and_ids_come_once(store: &impl EventStore) {
    let twice = vec![at("a/1", 0, &["1"]), at("a/1", 1, &["2"])];
    let refused = store.append_all(twice).await;
    assert!(
        matches!(&refused, Err(StoreError::StreamTwice { stream }) if stream.as_str() == "a/1"),
        "the events of one stream are in one append: {refused:?}"
    );
    let same = event("same");
    let on = |stream| append(stream, Expected::Any, vec![same.clone()]);
    let refused = store.append_all(vec![on("a/1"), on("b/1")]).await;
    assert!(
        matches!(&refused, Err(StoreError::IdTwice { id, .. }) if *id == same.id),
        "all events have ids of their own: {refused:?}"
    );
    assert_eq!(all(store).await, [""; 0], "nothing is written");
}

pub(super) async fn all_are_made_if_every_condition_holds(store: &impl EventStore) {
    let condition = |content: Option<&[u8]>| DocumentCondition {
        collection: "if".into(),
        key: "together".into(),
        content: content.map(<[u8]>::to_vec),
    };
    let both = |condition| {
        let last = Append {
            conditions: vec![condition],
            ..at("b/1", 0, &["2"])
        };
        vec![at("a/1", 0, &["1"]), last]
    };
    let refused = store.append_all(both(condition(Some(b"there")))).await;
    assert!(
        matches!(refused, Err(StoreError::PreconditionFailed { .. })),
        "a condition that does not hold refuses all: {refused:?}"
    );
    assert_eq!(all(store).await, [""; 0], "nothing is written");
    let made = store.append_all(both(condition(None))).await;
    made.expect("the condition holds");
    assert_eq!(all(store).await, ["1", "2"]);
}

pub(super) async fn many_pairs_are_written_whole<S: EventStore>(store: Arc<S>) {
    let mut racing = JoinSet::new();
    for number in 0..MANY {
        let store = Arc::clone(&store);
        racing.spawn(async move {
            // Half of them in the opposite direction, and others between them.
            let (one, other) = if number % 2 == 0 {
                ("a/1", "b/1")
            } else {
                ("b/1", "a/1")
            };
            let mut won = 0;
            while won < WINS {
                let versions = (version(&*store, one).await, version(&*store, other).await);
                let text = format!("{number}/{won}");
                let both = vec![
                    at(one, versions.0, &[&text]),
                    at(other, versions.1, &[&text]),
                ];
                match store.append_all(both).await {
                    Ok(_) => won += 1,
                    Err(StoreError::Conflict { .. }) => {}
                    Err(error) => panic!("an append is made or conflicts: {error}"),
                }
                happen(&*store, &format!("c/{number}"), &["between"]).await;
            }
        });
    }
    racing.join_all().await;
    let count = (MANY * WINS) as u64;
    let versions = (version(&*store, "a/1").await, version(&*store, "b/1").await);
    assert_eq!(versions, (count, count), "both streams have all of them");
    let read = store.read_all(Position::START, usize::MAX).await;
    let read = read.expect("it can be read");
    let positions = read.iter().map(|event| event.position.0);
    assert!(
        positions.eq(1..=read.len() as u64),
        "positions have no gaps"
    );
    let pairs: Vec<String> = texts(&read)
        .into_iter()
        .filter(|it| it != "between")
        .collect();
    assert!(
        pairs.chunks(2).all(|pair| pair[0] == pair[1]),
        "events that are appended together are stored one behind the other: {pairs:?}"
    );
}

pub(super) async fn a_pair_that_is_dropped_is_whole_or_not_there(store: &impl EventStore) {
    for polls in 0..6_u64 {
        let streams = [format!("a/{polls}"), format!("b/{polls}")];
        let both = streams.iter().map(|it| at(it, 0, &["whole"])).collect();
        begun(store.append_all(both), polls).await;
    }
    // Whatever is still written is written before this.
    happen(store, "last/1", &["last"]).await;
    for polls in 0..6_u64 {
        let versions = (
            version(store, &format!("a/{polls}")).await,
            version(store, &format!("b/{polls}")).await,
        );
        assert_eq!(
            versions.0, versions.1,
            "appends that are dropped are made together, or not at all"
        );
    }
}
