//! Projections with data elsewhere that are emptied for a rebuild, and whose program ends while that is under
//! way: the next runner begins anew, whichever version it is.

use std::sync::Arc;
use std::time::Duration;

use nether::eventstore::{Projection, Store};
use nether_tests::Lines;
use tokio::time::{sleep, timeout};

use crate::changed::{
    Elsewhere, First, Second, Total, WithoutHook, caught_up, deposit, run, start,
};
use crate::of_many::{Gate, OfMany};

/// Waits until a task waits there.
async fn until_waiting(gate: &Gate) {
    while gate.waiting() == 0 {
        sleep(Duration::from_millis(1)).await;
    }
}

/// A projection that has handled one event, in a store of several processes.
async fn handled() -> (OfMany, Arc<Elsewhere>) {
    let (backend, kept) = (OfMany::new(true), Arc::<Elsewhere>::default());
    deposit(&backend.open(), 100).await;
    run::<First>(&backend.open(), &kept).await;
    (backend, kept)
}

/// Starts it, and ends it when its hook has run, and before it can write that.
async fn ends_behind_its_hook<P: Projection>(backend: &OfMany, kept: &Arc<Elsewhere>) {
    *kept.then_closes.lock().unwrap() = Some(backend.changes.clone());
    let system = start::<P>(&backend.open(), kept).await.unwrap();
    until_waiting(&backend.changes).await;
    system.shutdown().await;
    *kept.then_closes.lock().unwrap() = None;
    backend.changes.open();
}

#[tokio::test(start_paused = true)]
async fn an_older_version_that_finds_a_projection_half_emptied_begins_anew() {
    let (backend, kept) = handled().await;
    ends_behind_its_hook::<Second>(&backend, &kept).await;
    assert_eq!(kept.now(), (0, 1));
    let checkpoint = backend.text("checkpoint", "total").await;
    assert_eq!(checkpoint.as_deref(), Some("1"), "nothing is written");

    // Its remaining rows are right for no version.
    let refused = start::<WithoutHook>(&backend.open(), &kept).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("it was being emptied"), "{refused}");
    assert!(!refused.contains("is right as it is"), "{refused}");

    let (lines, _guard) = Lines::of_this_thread();
    run::<First>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), (100, 2), "the older one begins anew");
    let said = lines.take();
    assert!(said.contains("it was being emptied"), "{said}");
    run::<First>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), (100, 2), "once");
    run::<Second>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), (200, 3));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_finds_its_own_projection_half_emptied_begins_anew() {
    let (backend, kept) = handled().await;
    ends_behind_its_hook::<Second>(&backend, &kept).await;
    run::<Second>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), (200, 2));
}

/// Orders a rebuild, and ends the program when something waits at `gate`.
async fn rebuild_ends_at(backend: &OfMany, store: &Store, kept: &Arc<Elsewhere>, gate: &Gate) {
    let system = start::<First>(store, kept).await.unwrap();
    caught_up::<First>(store).await;
    let projection = store.projection::<First>().unwrap();
    if std::ptr::eq(gate, &backend.answers) {
        gate.close();
    } else {
        *kept.then_closes.lock().unwrap() = Some(gate.clone());
    }
    let rebuilt = tokio::spawn(async move { projection.rebuild().await });
    until_waiting(gate).await;
    system.shutdown().await;
    rebuilt.await.unwrap().unwrap_err();
    *kept.then_closes.lock().unwrap() = None;
    gate.open();
}

#[tokio::test(start_paused = true)]
async fn an_ordered_rebuild_that_ends_before_or_behind_its_hook_is_begun_again() {
    let (backend, kept) = handled().await;
    rebuild_ends_at(&backend, &backend.open(), &kept, &backend.answers).await;
    assert_eq!(kept.now(), (100, 0), "before its hook");
    run::<First>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), (100, 1), "no event counts twice");

    let (backend, kept) = handled().await;
    rebuild_ends_at(&backend, &backend.open(), &kept, &backend.changes).await;
    assert_eq!(kept.now(), (0, 1), "behind its hook");
    run::<First>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), (100, 2));
}

#[tokio::test(start_paused = true)]
async fn queries_of_a_standby_wait_for_the_rebuild_of_another_process() {
    let (backend, kept) = handled().await;
    let [one, two] = [(); 2].map(|()| backend.open());
    let runs = start::<First>(&one, &kept).await.unwrap();
    caught_up::<First>(&one).await;
    let stands_by = start::<First>(&two, &kept).await.unwrap();
    let ctx = stands_by.context();
    assert_eq!(ctx.ask(Total).await.unwrap(), 100);
    *kept.then_closes.lock().unwrap() = Some(backend.changes.clone());
    let projection = one.projection::<First>().unwrap();
    let rebuilt = tokio::spawn(async move { projection.rebuild().await });
    until_waiting(&backend.changes).await;
    sleep(Duration::from_secs(1)).await;
    let asked = timeout(Duration::from_secs(1), ctx.ask(Total)).await;
    assert!(asked.is_err(), "it is empty: {asked:?}");
    *kept.then_closes.lock().unwrap() = None;
    backend.changes.open();
    rebuilt.await.unwrap().unwrap();
    assert_eq!(ctx.ask(Total).await.unwrap(), 100);
    stands_by.shutdown().await;
    runs.shutdown().await;
}
