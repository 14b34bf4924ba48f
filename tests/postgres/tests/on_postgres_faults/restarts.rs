//! Servers that stop in order, crash, or end the sessions of programs that write, read and wait.

use std::sync::Arc;
use std::time::Duration;

use nether::eventstore::{EventStore, Position, Store, StoreError};
use nether_postgres::PostgresStore;
use nether_postgres_tests::{Server, StopMode};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::ledger::{self, Ledger};
use crate::support::{all, any, connected, persistently, text, until, within};

const BOUND: Duration = Duration::from_secs(30);

/// The texts that were acknowledged, and those of which it is not known.
#[derive(Default)]
struct Told {
    stored: Vec<String>,
    unknown: Vec<String>,
}

/// Appends until it is stopped, by one store or another.
async fn write(store: PostgresStore, name: String, stopped: watch::Receiver<bool>) -> Told {
    let mut told = Told::default();
    for n in 0.. {
        if *stopped.borrow() {
            break;
        }
        let text = format!("{name}-{n}");
        let appended = match n % 3 {
            0 => {
                let both = vec![any(&format!("w/{name}"), &text)];
                store.append_all(both).await.map(|all| all[0])
            }
            _ => store.append(any("w/all", &text)).await,
        };
        match appended {
            Ok(appended) => {
                assert!(!appended.is_repeated, "its ids are new");
                told.stored.push(text);
            }
            Err(error) => {
                assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
                told.unknown.push(text);
            }
        }
    }
    told
}

/// Follows the log until it is stopped: what is seen once is seen in order, and nothing appears before it.
async fn follow(store: PostgresStore, stopped: watch::Receiver<bool>) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let is_last = *stopped.borrow();
        let after = Position(seen.len() as u64);
        let page = match store.read_all(after, 100).await {
            Ok(page) => page,
            Err(error) => {
                assert!(!error.is_permanent(), "{error}");
                continue;
            }
        };
        for event in &page {
            seen.push(text(event));
            assert_eq!(event.position.0, seen.len() as u64);
        }
        if page.is_empty() {
            if is_last {
                return seen;
            }
            let mut stopped = stopped.clone();
            tokio::select! {
                newest = store.wait_for_new(after) => drop(newest.unwrap()),
                _ = stopped.wait_for(|it| *it) => {}
            }
        }
    }
}

/// Runs writers, followers and a projection while something happens to the server; then checks what is
/// stored.
async fn check_under_load(server: &Server, writers: usize, disturb: impl AsyncFnOnce(&str)) {
    let database = server.database().await;
    ledger::make(&database.client().await).await;
    let (stop, stopped) = watch::channel(false);
    let stores = [connected(&database).await, connected(&database).await];
    let mut writing = JoinSet::new();
    for writer in 0..writers {
        let store = stores[writer % 2].clone();
        writing.spawn(write(store, writer.to_string(), stopped.clone()));
    }
    let (end, ended) = watch::channel(false);
    let following = tokio::spawn(follow(stores[0].clone(), ended));
    let (system, of_program) = ledger::started(&stores[1], Arc::new(|_| None)).await;
    let (of_notes, mut notes_stopped) = (Store::new(stores[0].clone()), stopped.clone());
    let noting = tokio::spawn(async move {
        let mut noted = 0;
        while !*notes_stopped.borrow_and_update() {
            // The event has a new id each time: what is not known may be there, too.
            if ledger::note(&of_notes, noted).await.is_ok() {
                noted += 1;
            }
        }
        noted
    });
    until("it writes", async || {
        stores[0].head().await.unwrap() > Position(50)
    })
    .await;
    disturb(database.name()).await;
    let before = persistently(async || stores[0].head().await).await;
    until("it goes on", async || {
        persistently(async || stores[0].head().await).await.0 > before.0 + 50
    })
    .await;
    stop.send_replace(true);
    let told = within(BOUND, "writing", writing.join_all()).await;
    let noted = within(BOUND, "noting", noting).await.unwrap();
    let projection = of_program.projection::<Ledger>().unwrap();
    within(BOUND, "catching up", projection.caught_up())
        .await
        .unwrap();
    end.send_replace(true);
    let followed = within(BOUND, "following", following).await.unwrap();

    let log = all(&stores[0]).await;
    let texts: Vec<String> = log.iter().map(text).collect();
    assert!(followed == texts, "followers see the log");
    let mut said: Vec<&String> = texts.iter().filter(|it| !it.starts_with('{')).collect();
    said.sort();
    let count = said.len();
    said.dedup();
    assert_eq!(said.len(), count, "nothing is there twice");
    let mut known = 0;
    for of_writer in &told {
        for text in &of_writer.stored {
            assert!(said.binary_search(&text).is_ok(), "{text} is acknowledged");
        }
        known += of_writer.stored.len() + of_writer.unknown.len();
    }
    assert!(count <= known, "nothing else is there");
    let effects = ledger::rows(&database.client().await).await;
    let notes: Vec<&String> = texts.iter().filter(|it| it.starts_with('{')).collect();
    assert_eq!(effects.len(), notes.len(), "each effect once");
    assert!(notes.len() >= noted as usize);
    assert!(projection.parked().is_empty());
    system.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_loses_and_repeats_nothing() {
    let server = Server::start(&["fsync=off"]);
    check_under_load(&server, 8, async |_| {
        for _ in 0..2 {
            tokio::task::block_in_place(|| {
                server.stop(StopMode::Fast);
                server.begin();
            });
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_loses_and_repeats_nothing() {
    let server = Server::start(&["fsync=off"]);
    check_under_load(&server, 8, async |_| {
        for _ in 0..2 {
            tokio::task::block_in_place(|| {
                server.stop(StopMode::Immediate);
                server.begin();
            });
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_writers_whose_sessions_are_ended_at_random_lose_and_repeat_nothing() {
    let server = Server::shared();
    let admin = server.database().await;
    let client = admin.client().await;
    check_under_load(server, 20, async |database| {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 ORDER BY random() LIMIT 2";
        for _ in 0..100 {
            client.query(end, &[&database]).await.unwrap();
            client.query("SELECT pg_sleep(0.01)", &[]).await.unwrap();
        }
    })
    .await;
}
