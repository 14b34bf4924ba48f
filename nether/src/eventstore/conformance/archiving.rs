//! Archived streams: the content of their events is gone, the rest of them stays, and they are closed.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::eventstore::backend::{
    Append, Archival, Direction, DocumentChange, DocumentCondition, EventStore, Expected, Metadata,
    Position, Redaction, StoreError, StreamId,
};
use crate::eventstore::conformance::{append, event, happen, texts};

/// When streams are archived here.
const TIME: u64 = 1_800_000_000_000;

async fn all(store: &impl EventStore) -> Vec<String> {
    let all = store.read_all(Position::START, usize::MAX).await;
    texts(&all.expect("it can be read"))
}

async fn is_there(store: &impl EventStore, key: &str) -> bool {
    let document = store.document("snapshot/a", key).await;
    document.expect("it can be read").is_some()
}

/// A stream of three events with another one beside it, and a document that was made of each; and what
/// archives the first.
async fn first(store: &impl EventStore) -> Archival {
    happen(store, "a/1", &["1", "a secret"]).await;
    happen(store, "a/2", &["other"]).await;
    happen(store, "a/1", &["3"]).await;
    let document = |key: &str| DocumentChange {
        collection: "snapshot/a".into(),
        key: key.into(),
        content: Some(b"a secret".to_vec()),
    };
    let written = store.change_documents(vec![document("1"), document("2")], Vec::new());
    written.await.expect("documents can be written");
    let record = append("a/1", Expected::Version(3), vec![event("record")]);
    let removed = DocumentChange {
        content: None,
        ..document("1")
    };
    Archival {
        record: Append {
            metadata: Metadata {
                time: TIME,
                ..Metadata::default()
            },
            ..record
        },
        changes: vec![removed, document("mark")],
    }
}

pub(super) async fn a_store_that_cannot_says_so(store: &impl EventStore) {
    let refused = store.archive(first(store).await).await;
    assert!(
        matches!(refused, Err(StoreError::Unsupported { .. })),
        "a store whose `can_archive` is `false` refuses to: {refused:?}"
    );
    let expected = ["1", "a secret", "other", "3"];
    assert_eq!(all(store).await, expected, "and writes nothing");
}

pub(super) async fn content_is_removed_and_all_else_stays(store: &impl EventStore) {
    let archival = first(store).await;
    let read = || async {
        let all = store.read_all(Position::START, usize::MAX).await;
        all.expect("it can be read")
    };
    let before = read().await;
    for is_repeated in [false, true] {
        let archived = store.archive(archival.clone()).await;
        let archived = archived.expect("the stream is in that version");
        let place = (archived.version, archived.position);
        assert_eq!(place, (4, Position(5)), "the record is behind all");
        assert_eq!(archived.is_repeated, is_repeated, "and is there once");
        assert_eq!(
            all(store).await,
            ["", "", "other", "", "record"],
            "the content of an archived stream is gone, and nothing else"
        );
        for (key, expected) in [("1", false), ("2", true), ("mark", true)] {
            let found = is_there(store, key).await;
            assert_eq!(found, expected, "the document `{key}`");
        }
    }
    for (before, after) in before.into_iter().zip(read().await) {
        let is_archived = before.stream.as_str() == "a/1";
        assert_eq!(after.is_archived(), is_archived, "{after:?}");
        let mut expected = before;
        if is_archived {
            expected.schema_version = 0;
            expected.payload = after.payload.clone();
        }
        assert_eq!(after, expected, "everything else stays");
        let found = store.find(after.id).await.expect("it can be read");
        assert_eq!(found, Some(after), "it is found by its id");
    }
    let stream = StreamId::from("a/1");
    let last = store.read_stream(&stream, u64::MAX, Direction::Backwards, 1);
    let last = last.await.expect("it can be read");
    assert_eq!(texts(&last), ["record"], "the stream ends with the record");
}

fn is_archived<T>(result: &Result<T, StoreError>) -> bool {
    let at = StreamId::from("a/1");
    matches!(result, Err(StoreError::Archived { stream, time }) if *stream == at && *time == TIME)
}

pub(super) async fn an_archived_stream_takes_no_event(store: &impl EventStore) {
    let archival = first(store).await;
    let known = append("a/3", Expected::Any, vec![event("known")]);
    store.append(known).await.expect("it can be appended");
    let repeated = append("a/1", Expected::Version(3), vec![event("4")]);
    let appended = store.append(repeated.clone()).await;
    appended.expect("the stream is in that version");
    let archival = Archival {
        record: Append {
            expected: Expected::Version(4),
            ..archival.record
        },
        ..archival
    };
    store.archive(archival).await.expect("it can be archived");
    let before = all(store).await;
    let again = store.append(repeated).await;
    let again = again.expect("what is there already is not refused");
    assert!(again.is_repeated && again.version == 4, "{again:?}");
    for expected in [
        Expected::Any,
        Expected::Version(0),
        Expected::Version(4),
        Expected::Version(5),
    ] {
        for events in [vec![event("more")], Vec::new()] {
            let new = append("a/1", expected, events);
            let refused = store.append(new.clone()).await;
            assert!(
                is_archived(&refused),
                "an append to an archived stream is refused as that, {expected:?}: {refused:?}"
            );
            if store.can_append_all() {
                let beside = append("a/2", Expected::Any, vec![event("beside")]);
                let refused = store.append_all(vec![beside, new]).await;
                assert!(is_archived(&refused), "{expected:?}: {refused:?}");
            }
        }
    }
    let other = Archival {
        record: append("a/1", Expected::Version(5), vec![event("other record")]),
        changes: Vec::new(),
    };
    let refused = store.archive(other).await;
    assert!(is_archived(&refused), "{refused:?}");
    assert_eq!(all(store).await, before, "nothing was written");
    happen(store, "a/2", &["more"]).await;
    if store.can_redact() {
        let first = store.read_all(Position::START, 1).await;
        let first = first.expect("it can be read").remove(0);
        let refused = store.redact(Redaction {
            position: first.position,
            id: first.id,
            schema_version: 1,
            payload: event("new").payload,
            documents: Vec::new(),
            record: append("nether/redacted", Expected::Any, vec![event("redacted")]),
        });
        let refused = refused.await;
        assert!(is_archived(&refused), "{refused:?}");
    }
}

pub(super) async fn what_has_changed_is_not_archived(store: &impl EventStore) {
    let archival = first(store).await;
    let condition = DocumentCondition {
        collection: "snapshot/a".into(),
        key: "2".into(),
        content: None,
    };
    let mut on_condition = archival.clone();
    on_condition.record.conditions = vec![condition];
    let refused = store.archive(on_condition).await;
    assert!(
        matches!(refused, Err(StoreError::PreconditionFailed { .. })),
        "{refused:?}"
    );
    happen(store, "a/1", &["4"]).await;
    let refused = store.archive(archival).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Conflict {
                expected: 3,
                actual: 4,
                ..
            })
        ),
        "{refused:?}"
    );
    let expected = ["1", "a secret", "other", "3", "4"];
    assert_eq!(all(store).await, expected, "nothing was removed");
    for (key, expected) in [("1", true), ("2", true), ("mark", false)] {
        let found = is_there(store, key).await;
        assert_eq!(found, expected, "the document `{key}`");
    }
}

pub(super) async fn of_those_that_append_meanwhile_each_is_archived_or_refused(
    store: Arc<impl EventStore>,
) {
    happen(&*store, "a/1", &["1"]).await;
    let mut appending = JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        appending.spawn(async move {
            let mut appended = 0_u64;
            loop {
                let new = append("a/1", Expected::Any, vec![event("more")]);
                match store.append(new).await {
                    Ok(_) => appended += 1,
                    Err(StoreError::Archived { .. }) => return appended,
                    Err(error) => panic!("an append is made, or the stream is archived: {error}"),
                }
            }
        });
    }
    let stream = StreamId::from("a/1");
    let mut record = append("a/1", Expected::Any, vec![event("record")]);
    let archived = loop {
        let last = store.read_stream(&stream, u64::MAX, Direction::Backwards, 1);
        let last = last.await.expect("it can be read").remove(0);
        record.expected = Expected::Version(last.stream_version);
        let archival = Archival {
            record: record.clone(),
            changes: Vec::new(),
        };
        match store.archive(archival).await {
            Ok(archived) => break archived,
            Err(StoreError::Conflict { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("it is archived, or has grown: {error}"),
        }
    };
    let appended: u64 = appending.join_all().await.iter().sum();
    assert_eq!(archived.version, appended + 2, "the record is the last");
    let events = store.read_stream(&stream, 1, Direction::Forwards, usize::MAX);
    let events = events.await.expect("it can be read");
    let (record, before) = events.split_last().expect("it has events");
    assert_eq!(
        before.len() as u64,
        appended + 1,
        "and nothing is behind it"
    );
    assert!(
        before.iter().all(|it| it.is_archived()),
        "all content is gone"
    );
    assert!(!record.is_archived(), "but that of the record");
}

pub(super) async fn what_is_archived_stays_so_when_it_is_opened_again<S: EventStore>(
    open: &impl AsyncFn() -> S,
) {
    let store = open().await;
    let stream = StreamId::from("archived/1");
    happen(&store, stream.as_str(), &["1", "2"]).await;
    let mut record = append(stream.as_str(), Expected::Version(2), vec![event("record")]);
    record.metadata.time = TIME;
    let archival = Archival {
        record,
        changes: Vec::new(),
    };
    let first = store.archive(archival.clone()).await;
    let first = first.expect("it can be archived");
    drop(store);

    let store = open().await;
    let more = append(stream.as_str(), Expected::Any, vec![event("more")]);
    let refused = store.append(more).await;
    assert!(
        matches!(refused, Err(StoreError::Archived { time: TIME, .. })),
        "{refused:?}"
    );
    let events = store.read_stream(&stream, 1, Direction::Forwards, usize::MAX);
    let events = events.await.expect("it can be read");
    assert_eq!(texts(&events), ["", "", "record"]);
    let again = store.archive(archival).await.expect("it is repeated");
    assert_eq!((again.position, again.is_repeated), (first.position, true));
}
