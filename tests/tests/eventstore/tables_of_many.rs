//! Processes of two versions that share a store, of a projection that is rebuilt beside its tables.

use std::sync::Arc;
use std::time::Duration;

use nether::System;
use nether::eventstore::Projection;
use tokio::time::sleep;

use crate::leases::leases;
use crate::of_many::{LEASE_TIME, OfMany};
use crate::tables::{
    Database, First, Second, ask, ask_new, caught_up, pay, run, start, until_tables, until_waiting,
    within,
};

/// Waits until what takes a lease runs, or stands by.
async fn until(system: &System, is_own: bool) {
    let is_so = || leases(system).iter().any(|lease| lease.is_own == is_own);
    let waits = async {
        while !is_so() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    within(waits).await;
}

async fn handled() -> (OfMany, Arc<Database>) {
    let (backend, kept) = (OfMany::new(true), Database::new());
    pay(&backend.open(), 100).await;
    run::<First>(&backend.open(), &kept).await;
    (backend, kept)
}

/// Asks until the answer is that, and none of the answers before is another than `before`.
async fn until_answer(ask: impl AsyncFn() -> String, before: &str, answer: &str) {
    let answered = async {
        loop {
            let given = ask().await;
            if given == answer {
                return;
            }
            assert_eq!(given, before);
            sleep(Duration::from_millis(10)).await;
        }
    };
    within(answered).await;
}

#[tokio::test(start_paused = true)]
async fn in_a_rolling_deployment_both_versions_read_the_live_tables_which_are_there() {
    let (backend, kept) = handled().await;
    let [old, new] = [(); 2].map(|()| backend.open());
    let older = start::<First>(&old, &kept).await;
    until(&older, true).await;
    let newer = start::<Second>(&new, &kept).await;
    until(&newer, false).await;
    pay(&new, 1).await;
    caught_up::<Second>(&new).await;
    assert_eq!(ask(&older).await, "101 of 1");
    assert_eq!(ask_new(&newer).await, "101 of 1", "the old one runs");

    // Another instance of the old version stays when the one that runs has ended.
    let again = backend.open();
    kept.events.close();
    older.shutdown().await;
    until(&newer, true).await;
    let older = start::<First>(&again, &kept).await;
    until_waiting(&kept.events).await;
    assert_eq!(ask(&older).await, "101 of 1");
    assert_eq!(ask_new(&newer).await, "101 of 1");
    // Also one that starts while the tables stand still behind the store.
    pay(&new, 0).await;
    let late = start::<First>(&backend.open(), &kept).await;
    assert_eq!(ask(&late).await, "101 of 1");
    late.shutdown().await;
    kept.events.open();
    within(async {
        tokio::join!(
            until_answer(async || ask(&older).await, "101 of 1", "202 of 2"),
            until_answer(async || ask_new(&newer).await, "101 of 1", "202 of 2"),
        )
    })
    .await;
    assert_eq!(kept.now().len(), 2, "one that looks seldom may read it");
    sleep(LEASE_TIME * 2).await;
    assert_eq!(kept.now().len(), 2);
    until_tables(&kept, &[("sums__1", 202)]).await;
    assert_eq!(ask(&older).await, "202 of 2");
    older.shutdown().await;
    newer.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_older_version_goes_on_with_its_tables_until_the_newer_one_has_filled_others() {
    let (backend, kept) = handled().await;
    kept.events.close();
    let newer = start::<Second>(&backend.open(), &kept).await;
    until_waiting(&kept.events).await;
    let stopped = tokio::spawn(async move { newer.shutdown().await });
    sleep(Duration::from_millis(1)).await;
    kept.events.open();
    stopped.await.unwrap();
    // It was about to switch.
    let half = [("sums".to_owned(), 100), ("sums__1".to_owned(), 200)];
    assert_eq!(kept.now(), half);

    let store = backend.open();
    let older = start::<First>(&store, &kept).await;
    pay(&store, 1).await;
    caught_up::<First>(&store).await;
    assert_eq!(ask(&older).await, "101 of 1");
    older.shutdown().await;
    let store = backend.open();
    let newer = start::<Second>(&store, &kept).await;
    caught_up::<Second>(&store).await;
    assert_eq!(ask_new(&newer).await, "202 of 2");
    until_tables(&kept, &[("sums__1", 202)]).await;
    assert_eq!(*kept.again.lock().unwrap(), 0, "it has gone on");
    newer.shutdown().await;
}

/// A process that stands by, and then takes over, has the tables of the one that ran.
async fn takes_over<P: Projection>(backend: &OfMany, kept: &Arc<Database>, sum: &str) {
    let [one, two] = [(); 2].map(|()| backend.open());
    let first = start::<P>(&one, kept).await;
    until(&first, true).await;
    let second = start::<P>(&two, kept).await;
    until(&second, false).await;
    let projection = one.projection::<P>().unwrap();
    within(projection.rebuild()).await.unwrap();
    first.shutdown().await;
    until(&second, true).await;
    pay(&two, 1).await;
    caught_up::<P>(&two).await;
    assert_eq!(ask(&second).await, sum);
    until_tables(kept, &[("sums__1", 101)]).await;
    second.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_takes_over_has_the_tables_that_another_has_filled() {
    let (backend, kept) = handled().await;
    takes_over::<First>(&backend, &kept, "101 of 1").await;
    assert_eq!(*kept.again.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_two_systems_of_a_process_one_rebuilds_and_the_other_reads_what_is_there() {
    let (backend, kept) = (OfMany::new(false), Database::new());
    pay(&backend.open(), 100).await;
    takes_over::<First>(&backend, &kept, "101 of 1").await;
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_is_replaced_while_it_fills_tables_switches_nothing() {
    let (backend, kept) = handled().await;
    kept.events.close();
    let system = start::<Second>(&backend.open(), &kept).await;
    until_waiting(&kept.events).await;
    backend.put_lease("sums", 9).await;
    kept.events.open();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(ask_new(&system).await, "100 of 1");
    let definition = backend.text("definition", "sums").await.unwrap();
    assert!(definition.contains(r#""live":0"#), "{definition}");
    system.shutdown().await;
    // It goes on once the other was silent for the lease time.
    let system = start::<Second>(&backend.open(), &kept).await;
    until_answer(async || ask_new(&system).await, "100 of 1", "200 of 2").await;
    until_tables(&kept, &[("sums__1", 200)]).await;
    system.shutdown().await;
}
