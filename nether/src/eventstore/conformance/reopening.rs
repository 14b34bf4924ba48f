//! Opening a store again: what was acknowledged is there, and goes on where it was.

use crate::eventstore::backend::{
    Append, DocumentChange, EventStore, Expected, Metadata, MetadataEntries, Position,
};
use crate::eventstore::conformance::{append, event, texts};

pub(super) async fn what_was_written_is_there_when_it_is_opened_again<S: EventStore>(
    open: &impl AsyncFn() -> S,
) {
    let new = append("a/1", Expected::Version(0), vec![event("1"), event("2")]);
    let metadata = Metadata {
        entries: MetadataEntries::from_text("{\"a\":1}"),
        ..Metadata::default()
    };
    let new = Append {
        metadata: metadata.clone(),
        ..new
    };
    let document = DocumentChange {
        collection: "a".into(),
        key: "1".into(),
        content: Some(b"kept".to_vec()),
    };
    let store = open().await;
    let first = store.append(new.clone()).await.expect("it can be appended");
    let changed = store.change_documents(vec![document], Vec::new()).await;
    changed.expect("documents can be changed");
    drop(store);

    let store = open().await;
    let head = store.head().await.expect("the head can be read");
    assert_eq!(
        head, first.position,
        "what was appended is there when the store is opened again"
    );
    let newest = store.wait_for_new(Position::START).await;
    let newest = newest.expect("it can be waited for");
    assert_eq!(newest, head, "what is there already is not waited for");
    let kept = store.document("a", "1").await;
    let kept = kept.expect("a document can be read");
    assert_eq!(kept.as_deref(), Some(&b"kept"[..]), "documents are kept");
    let again = store.append(new.clone()).await;
    let again = again.expect("what is there already is no conflict");
    assert!(
        again.is_repeated,
        "an id is known when the store is opened again"
    );
    assert_eq!(
        (again.version, again.position),
        (first.version, first.position),
        "it says what came of it the first time"
    );
    let found = store.find(new.events[1].id).await;
    let found = found.expect("an event can be looked for");
    let found = found.map(|event| (event.stream.to_string(), event.position, event.metadata));
    assert_eq!(
        found,
        Some(("a/1".to_owned(), Position(2), metadata)),
        "an event is found by its id, with all that is known of it"
    );
    let more = append("a/1", Expected::Version(2), vec![event("3")]);
    store.append(more).await.expect("the version is as it was");
    drop(store);

    let store = open().await;
    let all = store.read_all(Position::START, 10).await;
    let all = all.expect("all events can be read");
    assert_eq!(texts(&all), ["1", "2", "3"], "all events, in order, once");
    let positions: Vec<u64> = all.iter().map(|event| event.position.0).collect();
    assert_eq!(positions, [1, 2, 3], "positions go on where they were");
}
