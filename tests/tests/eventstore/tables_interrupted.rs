//! Rebuilds beside the tables of a projection that are interrupted: by a crash at any write, or by a stop.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{Either, select};
use nether::eventstore::{EventStore, MemoryStore, Position, Projection, Store};
use tokio::time::sleep;

use crate::crashes::{Dying, Shared};
use crate::of_many::OfMany;
use crate::tables::{
    Database, First, NewSum, Paid, Second, ask, ask_new, caught_up, pay, run, start, until_tables,
    until_waiting, within,
};

/// Runs the program until it has rebuilt what it has to and removed what is left, or its store is dead. An
/// order to rebuild is given if it `is_ordered`. Returns how many writes it has made.
async fn run_until_dead<P: Projection>(
    store: &Arc<MemoryStore>,
    kept: &Arc<Database>,
    (at, after): (u64, bool),
    is_ordered: bool,
) -> u64 {
    let dying = Dying::new(store, at, after);
    let handle = Store::new(Shared(Arc::clone(&dying)));
    let system = start::<P>(&handle, kept).await;
    let projection = handle.projection::<P>().unwrap();
    let done = async {
        let _ = projection.caught_up().await;
        if is_ordered {
            let _ = projection.rebuild().await;
        }
        sleep(Duration::from_millis(1)).await;
    };
    let mut dead = dying.dead.subscribe();
    let died = pin!(dead.wait_for(|dead| *dead));
    if let Either::Left(_) = select(pin!(done), died).await {
        assert!(kept.now().len() == 1 || at != u64::MAX, "{:?}", kept.now());
    }
    system.shutdown().await;
    dying.writes.load(Ordering::SeqCst)
}

/// A store with some events, which the first version has handled.
async fn handled() -> (Arc<MemoryStore>, Arc<Database>) {
    let (store, kept) = (Arc::new(MemoryStore::default()), Database::new());
    let open = || Store::new(Shared(Dying::new(&store, u64::MAX, true)));
    for cents in [1, 10, 100] {
        pay(&open(), cents).await;
    }
    run::<First>(&open(), &kept).await;
    (store, kept)
}

/// What is left of rebuilds in the store: nothing, besides the checkpoint of the live tables.
async fn check_documents(store: &MemoryStore, table: &str, at: u64) {
    let definition = store.document("definition", "sums").await.unwrap().unwrap();
    let definition = String::from_utf8(definition).unwrap();
    for left in ["building", "left", "is_emptying"] {
        assert!(!definition.contains(left), "{definition}");
    }
    let checkpoints = store.documents("checkpoint").await.unwrap();
    let expected = table.replace("sums__", "sums/");
    let [(name, position)] = &checkpoints[..] else {
        panic!("{checkpoints:?}");
    };
    assert_eq!(**name, *expected);
    assert_eq!(*position, at.to_string().into_bytes());
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_at_any_write_of_a_rebuild_the_live_tables_are_whole_and_the_others_gone() {
    for is_ordered in [false, true] {
        let (store, kept) = handled().await;
        let none = (u64::MAX, true);
        let writes = match is_ordered {
            false => run_until_dead::<Second>(&store, &kept, none, false).await,
            true => run_until_dead::<First>(&store, &kept, none, true).await,
        };
        assert!(writes > 4, "there is something to crash at: {writes}");
        for at in 1..=writes {
            for after in [false, true] {
                let case = format!("ordered: {is_ordered}, write {at}, after it: {after}");
                let (store, kept) = handled().await;
                let crash = (at, after);
                if is_ordered {
                    run_until_dead::<First>(&store, &kept, crash, true).await;
                    run_until_dead::<First>(&store, &kept, none, false).await;
                } else {
                    run_until_dead::<Second>(&store, &kept, crash, false).await;
                    run_until_dead::<Second>(&store, &kept, none, false).await;
                }
                let now = kept.now();
                let [(table, sum)] = &now[..] else {
                    panic!("{case}: {now:?}");
                };
                let wanted = if is_ordered { 111 } else { 222 };
                assert_eq!(*sum, wanted, "{case}");
                check_documents(&store, table, 3).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_a_stop_has_interrupted_goes_on_where_it_was() {
    let (backend, kept) = (OfMany::new(false), Database::new());
    for _ in 0..3 {
        pay(&backend.open(), 1).await;
    }
    run::<First>(&backend.open(), &kept).await;
    let store = backend.open();
    kept.events.close();
    let system = start::<Second>(&store, &kept).await;
    until_waiting(&kept.events).await;
    // It handles the event that it is at, and stops.
    let stopped = tokio::spawn(async move { system.shutdown().await });
    sleep(Duration::from_millis(1)).await;
    kept.events.open();
    stopped.await.unwrap();
    let both = [("sums".to_owned(), 3), ("sums__1".to_owned(), 2)];
    assert_eq!(kept.now(), both);
    assert_eq!(
        backend.text("checkpoint", "sums/1").await.as_deref(),
        Some("1")
    );
    assert_eq!(
        backend.text("checkpoint", "sums").await.as_deref(),
        Some("3")
    );

    run::<Second>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), [("sums__1".to_owned(), 6)]);
    assert_eq!(*kept.again.lock().unwrap(), 0, "no event was handled twice");
}

#[tokio::test(start_paused = true)]
async fn an_ordered_rebuild_that_a_stop_has_interrupted_is_done_by_the_next_run() {
    let (backend, kept) = (OfMany::new(false), Database::new());
    for _ in 0..3 {
        pay(&backend.open(), 1).await;
    }
    let store = backend.open();
    let system = start::<First>(&store, &kept).await;
    caught_up::<First>(&store).await;
    kept.events.close();
    let projection = store.projection::<First>().unwrap();
    let rebuilt = tokio::spawn(async move { projection.rebuild().await });
    until_waiting(&kept.events).await;
    let stopped = tokio::spawn(async move { system.shutdown().await });
    sleep(Duration::from_millis(1)).await;
    kept.events.open();
    stopped.await.unwrap();
    rebuilt.await.unwrap().unwrap_err();
    run::<First>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), [("sums__1".to_owned(), 3)]);
    assert_eq!(*kept.again.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn tables_that_another_version_has_begun_are_removed_and_others_are_filled() {
    let (backend, kept) = (OfMany::new(false), Database::new());
    for _ in 0..3 {
        pay(&backend.open(), 1).await;
    }
    run::<First>(&backend.open(), &kept).await;
    for _ in 0..2 {
        kept.events.close();
        let waiting = kept.events.waiting();
        let system = start::<Second>(&backend.open(), &kept).await;
        while kept.events.waiting() == waiting {
            sleep(Duration::from_millis(1)).await;
        }
        let stopped = tokio::spawn(async move { system.shutdown().await });
        sleep(Duration::from_millis(1)).await;
        kept.events.open();
        stopped.await.unwrap();
        assert_eq!(kept.now().len(), 2, "it is half done");
        // The version of before has changed nothing, and is the one that counts.
        let store = backend.open();
        let system = start::<First>(&store, &kept).await;
        caught_up::<First>(&store).await;
        assert_eq!(ask(&system).await, "3 of 1");
        until_tables(&kept, &[("sums", 3)]).await;
        system.shutdown().await;
        check_documents(&backend.store, "sums", 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tables_that_have_never_caught_up_answer_nothing_while_others_are_filled() {
    let (backend, kept) = (OfMany::new(false), Database::new());
    for _ in 0..3 {
        pay(&backend.open(), 1).await;
    }
    kept.events.close();
    let system = start::<First>(&backend.open(), &kept).await;
    until_waiting(&kept.events).await;
    let stopped = tokio::spawn(async move { system.shutdown().await });
    sleep(Duration::from_millis(1)).await;
    kept.events.open();
    stopped.await.unwrap();
    assert_eq!(kept.now(), [("sums".to_owned(), 1)], "of three");

    kept.events.close();
    let waiting = kept.events.waiting();
    let system = start::<Second>(&backend.open(), &kept).await;
    while kept.events.waiting() == waiting {
        sleep(Duration::from_millis(1)).await;
    }
    let ctx = system.context();
    let asked = tokio::spawn(async move { ctx.ask(NewSum).await });
    sleep(Duration::from_secs(1)).await;
    assert!(!asked.is_finished(), "one of three is no answer");
    kept.events.open();
    assert_eq!(within(asked).await.unwrap().unwrap(), "6 of 2");
    until_tables(&kept, &[("sums__1", 6)]).await;
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_catches_up_with_events_that_come_while_it_reads() {
    let (backend, kept) = (OfMany::new(false), Database::new());
    let store = backend.open();
    let paid = (0..3000).map(|_| Paid { cents: 1 });
    store.append_events("till/1", paid).await.unwrap();
    run::<First>(&backend.open(), &kept).await;
    let store = backend.open();
    let system = start::<Second>(&store, &kept).await;
    for _ in 0..50 {
        pay(&store, 1).await;
        tokio::task::yield_now().await;
    }
    caught_up::<Second>(&store).await;
    assert_eq!(ask_new(&system).await, "6100 of 2");
    let projection = store.projection::<Second>().unwrap();
    assert_eq!(projection.position(), Position(3050));
    until_tables(&kept, &[("sums__1", 6100)]).await;
    system.shutdown().await;
}
