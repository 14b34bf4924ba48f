//! Documents: small things by collection and key.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::eventstore::backend::{DocumentChange, DocumentCondition, EventStore, StoreError};

fn change(collection: &str, key: &str, content: Option<&[u8]>) -> DocumentChange {
    DocumentChange {
        collection: collection.into(),
        key: key.into(),
        content: content.map(<[u8]>::to_vec),
    }
}

async fn change_all(
    store: &impl EventStore,
    changes: Vec<DocumentChange>,
) -> Result<(), StoreError> {
    store.change_documents(changes, Vec::new()).await
}

fn condition(key: &str, content: Option<&[u8]>) -> DocumentCondition {
    DocumentCondition {
        collection: "if".into(),
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
    let written = change_all(
        store,
        vec![
            change("a", "2", Some(&[0, 255])),
            change("a", "1", Some(b"one")),
            change("a", "ü/3", Some(b"")),
            change("b", "1", Some(b"other")),
        ],
    );
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
    let written = change_all(
        store,
        vec![
            change("a", "1", Some(b"first")),
            change("a", "1", Some(b"second")),
            change("a", "2", None),
            change("a", "never", None),
        ],
    );
    written.await.expect("documents can be changed");
    let content = read(store, "a", "1").await;
    assert_eq!(
        content.as_deref(),
        Some(&b"second"[..]),
        "the last change counts"
    );
    assert_eq!(read(store, "a", "2").await, None, "what is removed is gone");
    assert_eq!(read(store, "b", "1").await.as_deref(), Some(&b"other"[..]));
    let written = change_all(
        store,
        vec![
            change("c/d", "e", Some(b"left")),
            change("c", "d/e", Some(b"right")),
        ],
    );
    written.await.expect("names with slashes can be written");
    let content = read(store, "c/d", "e").await;
    assert_eq!(
        content.as_deref(),
        Some(&b"left"[..]),
        "collection and key are apart, whatever slashes are in them"
    );
    let nothing = change_all(store, Vec::new()).await;
    nothing.expect("no change is a change that can be made");
}

pub(super) async fn collections_that_have_documents_are_listed(store: &impl EventStore) {
    match store.collections().await {
        // It cannot be copied to another store.
        Err(StoreError::Unsupported { .. }) => return,
        listed => assert!(listed.expect("they can be listed").is_empty()),
    }
    let written = change_all(
        store,
        vec![
            change("snapshot/ü", "1", Some(b"")),
            change("checkpoint", "sums", Some(b"1")),
            change("checkpoint", "names", Some(b"1")),
            change("emptied", "1", Some(b"one")),
            change("emptied", "1", None),
        ],
    );
    written.await.expect("documents can be written");
    let listed = store.collections().await.expect("they can be listed");
    let listed: Vec<&str> = listed.iter().map(|it| &**it).collect();
    assert_eq!(
        listed,
        ["checkpoint", "snapshot/ü"],
        "each once, in order, and none that is empty"
    );
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
                let changed = change_all(&*store, changes.to_vec()).await;
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

pub(super) async fn documents_change_if_all_conditions_hold(store: &impl EventStore) {
    let refused = async |changes, conditions: Vec<DocumentCondition>, which: &str| {
        let changed = store.change_documents(changes, conditions).await;
        let Err(StoreError::PreconditionFailed { collection, key }) = changed else {
            panic!("a condition that does not hold refuses all changes: {changed:?}");
        };
        assert_eq!((&*collection, &*key), ("if", which), "which one it was");
    };
    let absent = condition("1", None);
    let first = vec![change("if", "1", Some(b"first"))];
    let made = store.change_documents(first.clone(), vec![absent.clone()]);
    made.await
        .expect("a document that is not there is as it has to be");
    refused(first, vec![absent], "1").await;
    let changes = vec![
        change("if", "1", Some(b"second")),
        change("if", "2", Some(b"")),
    ];
    let holds = condition("1", Some(b"first"));
    let others: [&[u8]; 3] = [b"", b"firs", b"first "];
    for other in others {
        let conditions = vec![holds.clone(), condition("1", Some(other))];
        refused(changes.clone(), conditions, "1").await;
    }
    let conditions = vec![holds.clone(), condition("2", Some(b""))];
    refused(changes.clone(), conditions, "2").await;
    assert_eq!(read(store, "if", "1").await.as_deref(), Some(&b"first"[..]));
    assert_eq!(read(store, "if", "2").await, None, "nothing was changed");
    let conditions = vec![holds, condition("2", None)];
    let made = store.change_documents(changes, conditions);
    made.await.expect("all conditions hold");
    assert_eq!(read(store, "if", "2").await, Some(Vec::new()));
    // An empty document is not an absent one.
    refused(Vec::new(), vec![condition("2", None)], "2").await;
    let nothing = store.change_documents(Vec::new(), vec![condition("2", Some(b""))]);
    nothing.await.expect("conditions alone can be asked about");
}

pub(super) async fn one_of_many_changes_what_all_have_seen<S: EventStore>(store: Arc<S>) {
    for round in 0..10_u8 {
        let mut changing = JoinSet::new();
        for writer in 0..8_u8 {
            let store = Arc::clone(&store);
            changing.spawn(async move {
                let seen = (round > 0).then(|| [round - 1]);
                let seen = condition("turn", seen.as_ref().map(<[u8; 1]>::as_slice));
                let changes = vec![
                    change("if", "turn", Some(&[round])),
                    change("if", "winner", Some(&[writer])),
                ];
                let changed = store.change_documents(changes, vec![seen]).await;
                changed.is_ok().then_some(writer)
            });
        }
        let winners: Vec<u8> = changing.join_all().await.into_iter().flatten().collect();
        assert_eq!(
            winners.len(),
            1,
            "one of those who require the same content"
        );
        let winner = read(&*store, "if", "winner").await;
        assert_eq!(winner, Some(winners), "and what it writes is there");
    }
}

pub(super) async fn of_two_that_undo_each_others_conditions_one_changes<S: EventStore>(
    store: Arc<S>,
) {
    for round in 0..50 {
        let keys = [format!("left {round}"), format!("right {round}")];
        let mut changing = JoinSet::new();
        for own in 0..2 {
            let (store, own, other) =
                (Arc::clone(&store), keys[own].clone(), keys[1 - own].clone());
            changing.spawn(async move {
                let absent = vec![condition(&other, None)];
                let changes = vec![change("if", &own, Some(b"done"))];
                store.change_documents(changes, absent).await.is_ok()
            });
        }
        let changed = changing.join_all().await;
        assert_eq!(
            changed.iter().filter(|it| **it).count(),
            1,
            "a condition holds until the changes are made, also one on a document that is not changed"
        );
    }
}
