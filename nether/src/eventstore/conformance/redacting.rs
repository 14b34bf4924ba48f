//! Redactions: the content of an event is replaced where it is, and that is recorded once.

use crate::eventstore::backend::{
    DocumentChange, EventId, EventStore, Expected, Position, Redaction, StoreError,
};
use crate::eventstore::conformance::{append, event, happen, texts};

async fn all(store: &impl EventStore) -> Vec<String> {
    let all = store.read_all(Position::START, usize::MAX).await;
    texts(&all.expect("it can be read"))
}

/// The second of three events is to be replaced, of which there is a document.
async fn second(store: &impl EventStore) -> Redaction {
    happen(store, "a/1", &["1", "a secret", "3"]).await;
    let document = DocumentChange {
        collection: "snapshot/a".into(),
        key: "1".into(),
        content: Some(b"a secret".to_vec()),
    };
    let other = DocumentChange {
        key: "2".into(),
        ..document.clone()
    };
    let written = store.change_documents(vec![document, other], Vec::new());
    written.await.expect("documents can be written");
    let found = store.read_all(Position(1), 1).await;
    let found = found.expect("it can be read").remove(0);
    let new = event("removed");
    Redaction {
        position: found.position,
        id: found.id,
        schema_version: 7,
        payload: new.payload,
        documents: vec![("snapshot/a".into(), "1".into())],
        record: append("nether/redacted", Expected::Any, vec![event("record")]),
    }
}

pub(super) async fn a_store_that_cannot_says_so(store: &impl EventStore) {
    let refused = store.redact(second(store).await).await;
    assert!(
        matches!(refused, Err(StoreError::Unsupported { .. })),
        "a store whose `can_redact` is `false` refuses to: {refused:?}"
    );
    assert_eq!(
        all(store).await,
        ["1", "a secret", "3"],
        "and writes nothing"
    );
}

pub(super) async fn content_is_replaced_in_its_place(store: &impl EventStore) {
    let redaction = second(store).await;
    let before = store
        .read_all(Position(1), 1)
        .await
        .expect("it can be read");
    for is_repeated in [false, true] {
        let redacted = store.redact(redaction.clone()).await;
        let redacted = redacted.expect("there is such an event");
        assert_eq!(redacted.position, Position(4), "the record is behind all");
        assert_eq!(redacted.is_repeated, is_repeated, "and is there once");
        assert_eq!(all(store).await, ["1", "removed", "3", "record"]);
    }
    let after = store
        .read_all(Position(1), 1)
        .await
        .expect("it can be read");
    let (before, after) = (&before[0], &after[0]);
    assert_eq!(after.schema_version, 7);
    assert_eq!(
        (
            before.id,
            &before.name,
            &before.stream,
            before.stream_version
        ),
        (after.id, &after.name, &after.stream, after.stream_version),
        "everything else stays"
    );
    let found = store.find(redaction.id).await.expect("it can be read");
    assert_eq!(texts(&[found.expect("it is there")]), ["removed"]);
    for (key, is_there) in [("1", false), ("2", true)] {
        let document = store.document("snapshot/a", key).await;
        let document = document.expect("it can be read");
        assert_eq!(document.is_some(), is_there, "the document `{key}`");
    }
}

pub(super) async fn what_is_not_there_is_not_replaced(store: &impl EventStore) {
    let redaction = second(store).await;
    let wrong = [
        Redaction {
            position: Position(3),
            ..redaction.clone()
        },
        Redaction {
            position: Position(u64::MAX),
            ..redaction.clone()
        },
        Redaction {
            id: EventId::new(),
            ..redaction
        },
    ];
    for wrong in wrong {
        let refused = store.redact(wrong).await;
        assert!(
            matches!(refused, Err(StoreError::NoEvent { .. })),
            "{refused:?}"
        );
        assert_eq!(
            all(store).await,
            ["1", "a secret", "3"],
            "nothing is written"
        );
    }
}
