//! Documents: small things by collection and key.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::eventstore::backend::{DocumentChange, EventStore};

fn change(collection: &str, key: &str, content: Option<&[u8]>) -> DocumentChange {
    DocumentChange {
        collection: collection.into(),
        key: key.into(),
        content: content.map(<[u8]>::to_vec),
    }
}

async fn read(store: &impl EventStore, collection: &str, key: &str) -> Option<Vec<u8>> {
    let document = store.document(collection, key).await;
    document.expect("a document can be read")
}

pub(super) async fn documents_are_kept_listed_and_removed(store: &impl EventStore) {
    assert_eq!(
        read(store, "a", "1").await,
        None,
        "what is not there is none"
    );
    let written = store.change_documents(vec![
        change("a", "2", Some(&[0, 255])),
        change("a", "1", Some(b"one")),
        change("a", "ü/3", Some(b"")),
        change("b", "1", Some(b"other")),
    ]);
    written.await.expect("documents can be written");
    assert_eq!(read(store, "a", "1").await.as_deref(), Some(&b"one"[..]));
    assert_eq!(
        read(store, "a", "2").await,
        Some(vec![0, 255]),
        "bytes are kept"
    );
    assert_eq!(
        read(store, "a", "ü/3").await,
        Some(Vec::new()),
        "an empty document is one"
    );
    let listed = store.documents("a").await.expect("they can be listed");
    let keys: Vec<&str> = listed.iter().map(|(key, _)| &**key).collect();
    assert_eq!(keys, ["1", "2", "ü/3"], "those of a collection, by key");
    let written = store.change_documents(vec![
        change("a", "1", Some(b"first")),
        change("a", "1", Some(b"second")),
        change("a", "2", None),
        change("a", "never", None),
    ]);
    written.await.expect("documents can be changed");
    let content = read(store, "a", "1").await;
    assert_eq!(
        content.as_deref(),
        Some(&b"second"[..]),
        "the last change counts"
    );
    assert_eq!(read(store, "a", "2").await, None, "what is removed is gone");
    assert_eq!(read(store, "b", "1").await.as_deref(), Some(&b"other"[..]));
    let written = store.change_documents(vec![
        change("c/d", "e", Some(b"left")),
        change("c", "d/e", Some(b"right")),
    ]);
    written.await.expect("names with slashes can be written");
    let content = read(store, "c/d", "e").await;
    assert_eq!(
        content.as_deref(),
        Some(&b"left"[..]),
        "collection and key are apart, whatever slashes are in them"
    );
    let nothing = store.change_documents(Vec::new()).await;
    nothing.expect("no change is a change that can be made");
}

pub(super) async fn documents_change_together<S: EventStore>(store: Arc<S>) {
    let mut changing = JoinSet::new();
    for writer in 0..8_u8 {
        let store = Arc::clone(&store);
        changing.spawn(async move {
            for round in 0..20 {
                let content = [writer, round];
                let keys = ["x", "y", "z"];
                let changes = keys.map(|key| change("both", key, Some(&content)));
                let changed = store.change_documents(changes.to_vec()).await;
                changed.expect("documents can be changed");
                let all = store.documents("both").await.expect("they can be listed");
                let is_whole = all.windows(2).all(|two| two[0].1 == two[1].1);
                assert!(
                    is_whole,
                    "documents that are changed together are seen together"
                );
            }
        });
    }
    changing.join_all().await;
}
