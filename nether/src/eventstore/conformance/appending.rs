//! Appends: in order, in the expected version, whole, once.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::eventstore::backend::{
    Append, Direction, DocumentChange, DocumentCondition, EventStore, Expected, NewEvent, Position,
    StoreError, StreamId,
};
use crate::eventstore::conformance::{append, event, happen, texts};

/// How many append at the same time.
const MANY: usize = 64;

/// How often each of them has to win.
const WINS: usize = 2;

pub(super) async fn versions_have_no_gaps(store: &impl EventStore) {
    for version in 0..5 {
        let new = append("a/1", Expected::Version(version), vec![event("one")]);
        let appended = store.append(new).await.expect("the version is as expected");
        assert_eq!(
            appended.version,
            version + 1,
            "one event more is one version more"
        );
    }
    let nothing = append("a/1", Expected::Version(5), Vec::new());
    let appended = store.append(nothing).await;
    let appended = appended.expect("nothing can be appended, in the expected version");
    assert_eq!(appended.version, 5, "nothing changes the version");
}

pub(super) async fn nothing_makes_no_stream(store: &impl EventStore) {
    for expected in [Expected::Any, Expected::Version(0)] {
        let appended = store.append(append("a/1", expected, Vec::new())).await;
        let appended = appended.expect("nothing can be appended to a new stream");
        assert_eq!(appended.version, 0, "nothing leaves a stream new");
        assert!(!appended.is_repeated, "nothing is never there already");
    }
    let head = store.head().await.expect("the head can be read");
    assert_eq!(head, Position::START, "nothing takes no position");
    happen(store, "a/1", &["1"]).await;
    let stream = StreamId::from("a/1");
    let read = store.read_stream(&stream, 1, Direction::Forwards, 10).await;
    let read = read.expect("a stream can be read");
    assert_eq!(texts(&read), ["1"], "the first event is the first");
    assert_eq!(read[0].stream_version, 1, "and in version 1");
}

pub(super) async fn another_version_than_expected_is_a_conflict(store: &impl EventStore) {
    happen(store, "a/1", &["1", "2"]).await;
    for (stream, expected, is) in [("a/1", 1, 2), ("a/1", 3, 2), ("a/1", 0, 2), ("a/2", 1, 0)] {
        for events in [vec![event("lost")], Vec::new()] {
            let refused = store.append(append(stream, Expected::Version(expected), events));
            match refused.await {
                Err(StoreError::Conflict {
                    stream: named,
                    expected: wanted,
                    actual,
                }) => assert_eq!(
                    (named.as_str(), wanted, actual),
                    (stream, expected, is),
                    "a conflict names the stream, and both versions"
                ),
                other => panic!(
                    "version {expected} of a stream in version {is} is a conflict, not {other:?}"
                ),
            }
        }
    }
    let head = store.head().await.expect("the head can be read");
    assert_eq!(head, Position(2), "a conflict writes nothing");
    happen(store, "a/1", &["3"]).await;
    let all = store
        .read_all(Position::START, 10)
        .await
        .expect("it can be read");
    assert_eq!(texts(&all), ["1", "2", "3"], "and takes no position");
}

pub(super) async fn nothing_is_appended_in_part(store: &impl EventStore) {
    let first = event("1");
    let new = append("a/1", Expected::Any, vec![first.clone()]);
    store.append(new).await.expect("it can be appended");
    // Its second event is in the store already, so it cannot be written; the first must not be then.
    for expected in [Expected::Any, Expected::Version(1), Expected::Version(7)] {
        let new = append("a/1", expected, vec![event("2"), first.clone()]);
        let refused = store.append(new).await;
        assert!(
            matches!(refused, Err(StoreError::Duplicate { id, .. }) if id == first.id),
            "an append of which a part is stored is refused as that, whatever version is expected: {refused:?}"
        );
        let head = store.head().await.expect("the head can be read");
        assert_eq!(head, Position(1), "an append that fails leaves nothing");
    }
    happen(store, "a/2", &["3"]).await;
    let stream = StreamId::from("a/1");
    let read = store.read_stream(&stream, 1, Direction::Forwards, 10).await;
    let read = read.expect("a stream can be read");
    assert_ne!(read.len(), 2, "an append is whole or not at all");
}

pub(super) async fn an_append_is_idempotent(store: &impl EventStore) {
    let events = vec![event("1"), event("2")];
    let new = append("a/1", Expected::Version(0), events);
    let first = store.append(new.clone()).await.expect("it can be appended");
    happen(store, "a/1", &["3"]).await;
    let mut wrong = new.clone();
    wrong.expected = Expected::Version(7);
    for again in [new, wrong] {
        let again = store.append(again).await;
        let again = again.expect("what is there already is no conflict");
        assert!(again.is_repeated, "it was there already");
        assert_eq!(
            again.version, first.version,
            "it says what came of it the first time"
        );
        assert_eq!(again.position, first.position, "it says where it is");
    }
    let all = store
        .read_all(Position::START, 10)
        .await
        .expect("it can be read");
    assert_eq!(texts(&all), ["1", "2", "3"], "nothing is written twice");
}

pub(super) async fn a_repetition_is_the_whole_append_in_its_place(store: &impl EventStore) {
    let [first, second, third, new] = ["1", "2", "3", "new"].map(event);
    let stored = vec![first.clone(), second.clone(), third.clone()];
    let appended = store.append(append("a/1", Expected::Any, stored)).await;
    appended.expect("it can be appended");
    happen(store, "a/2", &["beside"]).await;
    let mut renamed = first.clone();
    renamed.name = "conformance.other".into();
    let (one, two) = (&first, &second);
    for (stream, events) in [
        ("a/2", vec![one]),
        ("a/3", vec![one, two]),
        ("a/1", vec![&renamed]),
        ("a/1", vec![two, one]),
        ("a/1", vec![one, &third]),
        ("a/1", vec![one, two, &third, &new]),
        ("a/1", vec![&new, one]),
        ("a/1", vec![one, one]),
    ] {
        let events: Vec<_> = events.into_iter().cloned().collect();
        let texts = texts_of(&events);
        let refused = store.append(append(stream, Expected::Any, events)).await;
        assert!(
            matches!(refused, Err(StoreError::Duplicate { .. })),
            "{texts:?} to `{stream}` is no repetition, and is not acknowledged as one: {refused:?}"
        );
    }
    for expected in [Expected::Any, Expected::Version(3), Expected::Version(7)] {
        for between in [None, Some(event("between"))] {
            let events = [Some(new.clone()), between, Some(new.clone())];
            let twice = append("a/1", expected, events.into_iter().flatten().collect());
            let refused = store.append(twice).await;
            assert!(
                matches!(&refused, Err(StoreError::IdTwice { id, stream }) if *id == new.id && stream.as_str() == "a/1"),
                "two events of one append have ids of their own: {refused:?}"
            );
        }
    }
    let part = append("a/1", Expected::Any, vec![second, third]);
    let repeated = store.append(part).await.expect("all of it is there");
    assert_eq!(
        (repeated.version, repeated.position, repeated.is_repeated),
        (3, Position(3), true),
        "events that are all there, one after the other, are a repetition"
    );
    let all = store.read_all(Position::START, 10).await;
    let all = all.expect("it can be read");
    assert_eq!(texts(&all), ["1", "2", "3", "beside"], "nothing is written");
    let later = store.append(append("a/1", Expected::Version(3), vec![new]));
    later.await.expect("what was refused can be appended alone");
}

fn texts_of(events: &[NewEvent]) -> Vec<String> {
    let texts = events.iter();
    texts
        .map(|event| String::from_utf8_lossy(&event.payload.bytes).into_owned())
        .collect()
}

pub(super) async fn one_of_many_wins_each_version<S: EventStore>(store: Arc<S>) {
    let mut racing = JoinSet::new();
    for _ in 0..MANY {
        let store = Arc::clone(&store);
        racing.spawn(async move {
            let mut won = Vec::new();
            while won.len() < WINS {
                let stream = StreamId::from("a/1");
                let newest = store.read_stream(&stream, u64::MAX, Direction::Backwards, 1);
                let newest = newest.await.expect("a stream can be read");
                let version = newest.first().map_or(0, |event| event.stream_version);
                let new = append("a/1", Expected::Version(version), vec![event("won")]);
                match store.append(new).await {
                    Ok(appended) => won.push(appended.version),
                    Err(StoreError::Conflict { .. }) => {}
                    Err(error) => panic!("an append is made or conflicts: {error}"),
                }
            }
            won
        });
    }
    let mut won = racing.join_all().await.concat();
    won.sort_unstable();
    let each: Vec<u64> = (1..=(MANY * WINS) as u64).collect();
    assert_eq!(
        won, each,
        "each version is won by one of those who race for it"
    );
}

/// How many append to one stream in whatever version, and how often.
const WRITERS: u64 = 20;
const APPENDS: u64 = 25;

pub(super) async fn nothing_of_many_writers_is_lost<S: EventStore>(store: Arc<S>) {
    let mut writing = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        writing.spawn(async move {
            for number in 0..APPENDS {
                let text = format!("{writer}/{number}");
                happen(&*store, "a/1", &[&text]).await;
            }
        });
    }
    writing.join_all().await;
    let stream = StreamId::from("a/1");
    let read = store.read_stream(&stream, 1, Direction::Forwards, usize::MAX);
    let read = read.await.expect("a stream can be read");
    let versions: Vec<u64> = read.iter().map(|event| event.stream_version).collect();
    let each: Vec<u64> = (1..=WRITERS * APPENDS).collect();
    assert_eq!(versions, each, "versions have no gaps while many append");
    let texts = texts(&read);
    for writer in 0..WRITERS {
        let own = texts.iter().filter_map(|text| {
            let (of, number) = text.split_once('/')?;
            (of == writer.to_string()).then(|| number.to_owned())
        });
        let appended: Vec<String> = (0..APPENDS).map(|number| number.to_string()).collect();
        assert_eq!(
            own.collect::<Vec<_>>(),
            appended,
            "what one of many appends is there, each event once and in order"
        );
    }
}

pub(super) async fn an_append_is_made_if_its_conditions_hold(store: &impl EventStore) {
    let condition = |content: Option<&[u8]>| DocumentCondition {
        collection: "if".into(),
        key: "append".into(),
        content: content.map(<[u8]>::to_vec),
    };
    let new = |text: &str, condition| Append {
        conditions: vec![condition],
        ..append("a/1", Expected::Any, vec![event(text)])
    };
    let refused = store.append(new("first", condition(Some(b"there")))).await;
    assert!(
        matches!(refused, Err(StoreError::PreconditionFailed { .. })),
        "a condition that does not hold refuses an append: {refused:?}"
    );
    let head = store.head().await.expect("the head can be read");
    assert_eq!(head, Position::START, "nothing was appended");
    let made = store.append(new("second", condition(None))).await;
    made.expect("the condition holds");
    let document = DocumentChange {
        collection: "if".into(),
        key: "append".into(),
        content: Some(b"there".to_vec()),
    };
    let changed = store.change_documents(vec![document], Vec::new()).await;
    changed.expect("documents can be changed");
    let refused = store.append(new("third", condition(None))).await;
    assert!(
        matches!(refused, Err(StoreError::PreconditionFailed { .. })),
        "a condition is about the document as it is now: {refused:?}"
    );
    let made = store.append(new("fourth", condition(Some(b"there")))).await;
    made.expect("the condition holds");
    let all = store.read_all(Position::START, 9).await;
    let all = all.expect("events can be read");
    assert_eq!(texts(&all), ["second", "fourth"]);
}
