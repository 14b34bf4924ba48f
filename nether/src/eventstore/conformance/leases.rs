//! Leases: of two that believe they hold one, only the newer can write.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::eventstore::backend::{
    Append, DocumentChange, DocumentCondition, EventStore, Expected, Position, StoreError,
};
use crate::eventstore::conformance::{append, event, texts};

/// How often each of two takes the lease.
const TAKEN: usize = 20;

fn lease(epoch: u64) -> DocumentChange {
    DocumentChange {
        collection: "conformance-lease".into(),
        key: "1".into(),
        content: Some(epoch.to_string().into_bytes()),
    }
}

/// The condition that the lease is of that epoch; with 0, that it was never taken.
fn held(epoch: u64) -> DocumentCondition {
    let DocumentChange {
        collection,
        key,
        content,
    } = lease(epoch);
    DocumentCondition {
        collection,
        key,
        content: content.filter(|_| epoch > 0),
    }
}

fn progress(epoch: u64) -> DocumentChange {
    DocumentChange {
        key: "progress".into(),
        ..lease(epoch)
    }
}

fn fenced(epoch: u64) -> Append {
    Append {
        conditions: vec![held(epoch)],
        ..append("a/1", Expected::Any, vec![event(&epoch.to_string())])
    }
}

async fn epoch(store: &impl EventStore) -> u64 {
    let found = store.document("conformance-lease", "1").await;
    let found = found.expect("a document can be read");
    let text = found.map(|content| String::from_utf8_lossy(&content).into_owned());
    text.map_or(0, |text| {
        text.parse().expect("a document is as it was written")
    })
}

pub(super) async fn who_has_lost_a_lease_writes_nothing(store: &impl EventStore) {
    let taken = store.change_documents(vec![lease(1)], vec![held(0)]).await;
    taken.expect("the lease is free");
    let written = store.append(fenced(1)).await;
    written.expect("the holder of the lease appends");
    let taken = store.change_documents(vec![lease(2)], vec![held(1)]).await;
    taken.expect("the lease is as it was read");

    let refused = store.append(fenced(1)).await;
    assert!(
        matches!(refused, Err(StoreError::PreconditionFailed { .. })),
        "who has lost the lease appends nothing: {refused:?}"
    );
    let refused = store.change_documents(vec![progress(1)], vec![held(1)]);
    let refused = refused.await;
    assert!(
        matches!(refused, Err(StoreError::PreconditionFailed { .. })),
        "who has lost the lease saves nothing: {refused:?}"
    );
    let all = store.read_all(Position::START, 10).await;
    let all = all.expect("all events can be read");
    assert_eq!(texts(&all), ["1"], "the append left nothing");
    let saved = store.document("conformance-lease", "progress").await;
    assert_eq!(saved.expect("it can be read"), None, "nothing was saved");
}

pub(super) async fn of_two_runners_one_holds_each_epoch<S: EventStore>(store: Arc<S>) {
    let mut runners = JoinSet::new();
    for _ in 0..2 {
        let store = Arc::clone(&store);
        runners.spawn(async move {
            let mut won = Vec::new();
            while won.len() < TAKEN {
                let found = epoch(&*store).await;
                let own = found + 1;
                match store
                    .change_documents(vec![lease(own)], vec![held(found)])
                    .await
                {
                    Ok(()) => won.push(own),
                    Err(StoreError::PreconditionFailed { .. }) => continue,
                    Err(error) => panic!("a lease is taken or refused: {error}"),
                }
                for _ in 0..3 {
                    match store.append(fenced(own)).await {
                        Ok(_) => {}
                        Err(StoreError::PreconditionFailed { .. }) => break,
                        Err(error) => panic!("an append is made or refused: {error}"),
                    }
                }
            }
            won
        });
    }
    let mut won = runners.join_all().await.concat();
    won.sort_unstable();
    let each: Vec<u64> = (1..=(2 * TAKEN) as u64).collect();
    assert_eq!(won, each, "each epoch is taken by one of the two");
    let all = store.read_all(Position::START, usize::MAX).await;
    let all = texts(&all.expect("all events can be read"));
    let epochs: Vec<u64> = all.iter().filter_map(|text| text.parse().ok()).collect();
    assert!(
        epochs.is_sorted(),
        "nothing of an epoch is written behind a newer one: {epochs:?}"
    );
}
