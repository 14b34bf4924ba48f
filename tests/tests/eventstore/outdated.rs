//! An older program that runs beside a newer one does not undo the rebuild of a projection that has changed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nether::System;
use nether::eventstore::{NotRunning, Store};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use crate::changed::{
    Elsewhere, First, Second, WithMore, caught_up, deposit, run, start, withdraw,
};
use crate::leases::leases;
use crate::of_many::{LEASE_TIME, OfMany};

/// Waits until what takes a lease runs, or stands by.
async fn until(system: &System, is_own: bool) {
    let is_so = || leases(system).iter().any(|lease| lease.is_own == is_own);
    while !is_so() {
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_version_stands_by_for_a_newer_one_and_undoes_no_rebuild() {
    let (backend, kept) = (OfMany::new(true), Arc::<Elsewhere>::default());
    let [old, new, old_again, new_again] = [(); 4].map(|()| backend.open());
    deposit(&old, 100).await;
    let one = start::<First>(&old, &kept).await.unwrap();
    caught_up::<First>(&old).await;
    // A rolling deployment: the new one waits for the old one.
    let two = start::<Second>(&new, &kept).await.unwrap();
    until(&two, false).await;
    deposit(&new, 1).await;
    caught_up::<Second>(&new).await;
    assert_eq!(kept.now(), (101, 0), "the old one runs");
    one.shutdown().await;
    until(&two, true).await;
    caught_up::<Second>(&new).await;
    assert_eq!(kept.now(), (202, 1));

    // An instance of the old one is started once more, and is left alone by and by.
    let three = start::<First>(&old_again, &kept).await.unwrap();
    until(&three, false).await;
    deposit(&new, 1).await;
    caught_up::<First>(&old_again).await;
    let projection = old_again.projection::<First>().unwrap();
    two.shutdown().await;
    deposit(&old_again, 1).await;
    let waited = timeout(Duration::from_secs(60), projection.caught_up()).await;
    let error = waited.expect("it does not hang").unwrap_err();
    let error = error.downcast_ref::<NotRunning>().unwrap();
    assert!(
        error.reason.contains("its `version` is 1, and was 2"),
        "{error}"
    );
    let error = projection.rebuild().await.unwrap_err();
    assert!(error.to_string().contains("is older"), "{error}");
    sleep(LEASE_TIME * 3).await;
    assert_eq!(kept.now(), (204, 1), "nobody has emptied it");

    let four = start::<Second>(&new_again, &kept).await.unwrap();
    caught_up::<Second>(&new_again).await;
    assert_eq!(kept.now(), (206, 1), "it goes on where it was");
    until(&three, false).await;
    caught_up::<First>(&old_again).await;
    four.shutdown().await;
    three.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_lists_in_one_version_the_one_that_was_replaced_stands_by() {
    let (backend, kept) = (OfMany::new(true), Arc::<Elsewhere>::default());
    let [old, new] = [(); 2].map(|()| backend.open());
    deposit(&old, 100).await;
    withdraw(&old, 30).await;
    run::<First>(&old, &kept).await;
    run::<WithMore>(&new, &kept).await;
    assert_eq!(kept.now(), (70, 1));
    let system = start::<First>(&backend.open(), &kept).await.unwrap();
    sleep(LEASE_TIME * 3).await;
    assert_eq!(kept.now(), (70, 1));
    system.shutdown().await;
    run::<WithMore>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), (70, 1));
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_is_replaced_while_it_rebuilds_leaves_the_progress_of_the_other() {
    let (backend, kept) = (OfMany::new(true), Arc::<Elsewhere>::default());
    deposit(&backend.open(), 100).await;
    run::<First>(&backend.open(), &kept).await;
    let before = backend.text("definition", "total").await;
    // It is suspended between its hook and its write.
    *kept.then_closes.lock().unwrap() = Some(backend.changes.clone());
    let system = start::<Second>(&backend.open(), &kept).await.unwrap();
    while backend.changes.waiting() == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    backend.put_lease("total", 9).await;
    backend.changes.open();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(kept.now(), (0, 1));
    let checkpoint = backend.text("checkpoint", "total").await;
    assert_eq!(checkpoint.as_deref(), Some("1"));
    let definition = backend.text("definition", "total").await.unwrap();
    let before = before.unwrap().replace('}', r#","is_emptying":true}"#);
    assert_eq!(definition, before, "and whoever comes empties it again");
    system.shutdown().await;
}

/// Writes the definition of the newer version as another process would.
async fn put_newer(backend: &OfMany) {
    let newer = br#"{"version":2,"handles":["changed.deposited"],"began_behind":0}"#;
    backend
        .put("definition", "total", Some(newer.to_vec()))
        .await;
}

async fn an_older_version_is_reported(store: &Store) {
    let projection = store.projection::<First>().unwrap();
    let waited = timeout(Duration::from_secs(60), projection.caught_up()).await;
    let error = waited.expect("it does not hang").unwrap_err();
    assert!(error.to_string().contains("is older"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_older_version_gives_back_the_lease_that_a_bid_of_unknown_outcome_has_taken() {
    let (backend, kept) = (OfMany::new(true), Arc::<Elsewhere>::default());
    let [old, new] = [(); 2].map(|()| backend.open());
    deposit(&old, 100).await;
    run::<First>(&backend.open(), &kept).await;
    deposit(&old, 1).await;
    backend.loses_answer.store(true, Ordering::SeqCst);
    let one = start::<First>(&old, &kept).await.unwrap();
    while backend.loses_answer.load(Ordering::SeqCst) {
        yield_now().await;
    }
    let lease = backend.text("lease", "total").await.unwrap();
    assert!(lease.contains("process"), "it is taken: {lease}");
    // Before its next bid, a newer one has run.
    put_newer(&backend).await;
    an_older_version_is_reported(&old).await;
    let two = start::<Second>(&new, &kept).await.unwrap();
    let runs = timeout(LEASE_TIME / 5, until(&two, true)).await;
    runs.expect("the lease is free");
    two.shutdown().await;
    one.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_runner_decides_again_if_another_program_notes_meanwhile_what_it_is() {
    let (backend, kept) = (OfMany::new(true), Arc::<Elsewhere>::default());
    let store = backend.open();
    deposit(&store, 100).await;
    // The start can note nothing, and leaves it to the runner, which takes the lease.
    backend.changes.close();
    let system = start::<First>(&store, &kept).await.unwrap();
    while backend.changes.waiting() < 2 {
        sleep(Duration::from_millis(1)).await;
    }
    backend.answers.close();
    backend.changes.open();
    while backend.answers.waiting() < 1 {
        sleep(Duration::from_millis(1)).await;
    }
    // It has found nothing, and is about to note where it begins.
    backend.changes.close();
    backend.answers.open();
    while backend.changes.waiting() < 3 {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(backend.text("definition", "total").await, None);
    backend
        .put("checkpoint", "total", Some(b"0".to_vec()))
        .await;
    put_newer(&backend).await;
    backend.changes.open();
    an_older_version_is_reported(&store).await;
    assert_eq!(kept.now(), (0, 0), "it has handled nothing");
    system.shutdown().await;
}
