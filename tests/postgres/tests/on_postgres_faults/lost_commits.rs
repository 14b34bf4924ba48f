//! A failover to a server that does not have what was committed last.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use nether::eventstore::{EventStore, Expected, Position, Store, StoreError};
use nether_postgres::PostgresStore;
use nether_postgres_tests::{Database, Server, StopMode};

use crate::ledger::{self, Ledger};
use crate::proxy::{Proxy, Way};
use crate::support::{
    all, any, append, connected, event, hasty, persistently, texts, until, within,
};

const BOUND: Duration = Duration::from_secs(30);

/// Copies the data of a stopped server, which is a copy that falls behind.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

/// A server that loses what happens between its two calls.
struct Failing {
    server: Server,
}

impl Failing {
    fn start() -> Failing {
        let server = Server::start(&["fsync=off"]);
        Failing { server }
    }

    fn keep_copy(&self) {
        tokio::task::block_in_place(|| {
            self.server.stop(StopMode::Fast);
            copy(&self.server.data(), &self.server.folder().join("copy"));
            self.server.begin();
        });
    }

    fn fail_over(&self) {
        tokio::task::block_in_place(|| {
            self.server.stop(StopMode::Immediate);
            std::fs::remove_dir_all(self.server.data()).unwrap();
            let copy = self.server.folder().join("copy");
            std::fs::rename(copy, self.server.data()).unwrap();
            self.server.begin();
        });
    }

    async fn database(&self) -> Database<'_> {
        self.server.database().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_behind_lost_events_is_told_and_others_go_on() {
    let failing = Failing::start();
    let database = failing.database().await;
    let store = connected(&database).await;
    for n in 0..10 {
        store.append(any("a/1", &n.to_string())).await.unwrap();
    }
    failing.keep_copy();
    for n in 10..15 {
        persistently(async || store.append(any("a/1", &n.to_string())).await).await;
    }
    until("all are seen", async || {
        store.wait_for_new(Position(14)).await.unwrap().0 == 15
    })
    .await;
    let wait = |after| {
        let store = store.clone();
        tokio::spawn(async move { store.wait_for_new(Position(after)).await })
    };
    let (waiting, beginning) = (wait(15), wait(15));
    failing.fail_over();
    for waiting in [waiting, beginning] {
        let error = within(BOUND, "a wait", waiting).await.unwrap().unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        for told in ["position 15", "at 10", "events are missing"] {
            let text = error.to_string().to_lowercase();
            assert!(text.contains(told), "{told}: {error}");
        }
    }
    // Also who begins to wait behind them now; but not who knows less.
    let late = within(BOUND, "a wait", store.wait_for_new(Position(12))).await;
    assert!(matches!(late, Err(StoreError::Corrupt { .. })), "{late:?}");
    let waiting = wait(10);
    // The base of an append is checked by the server.
    let stale = append("a/1", Expected::Version(15), vec![event("never")]);
    let stale = persistently(async || match store.append(stale.clone()).await {
        Err(StoreError::Conflict { actual, .. }) => Ok(actual),
        other => other.map(|it| it.version),
    });
    assert_eq!(stale.await, 10, "the version that is left");
    let new = append("a/1", Expected::Version(10), vec![event("new")]);
    store.append(new).await.unwrap();
    let newest = within(BOUND, "the news", waiting).await.unwrap();
    assert_eq!(newest.unwrap(), Position(11));
    assert_eq!(texts(&store).await.len(), 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_others_have_written_since_do_not_hide_the_loss() {
    let failing = Failing::start();
    let database = failing.database().await;
    let proxy = Proxy::to(failing.server.port()).await;
    let store = hasty(&database.address_at(proxy.port())).await;
    store.append(any("a/1", "kept")).await.unwrap();
    failing.keep_copy();
    let other = connected(&database).await;
    for text in ["lost", "lost"] {
        persistently(async || other.append(any("a/1", text)).await).await;
    }
    let seen = within(BOUND, "the news", store.wait_for_new(Position(2))).await;
    assert_eq!(seen.unwrap(), Position(3));
    let of_store = store.clone();
    let waiting = tokio::spawn(async move { of_store.wait_for_new(Position(3)).await });
    proxy.hold(Way::ToServer);
    proxy.cut();
    failing.fail_over();
    for n in 0..5 {
        persistently(async || other.append(any("b/1", &n.to_string())).await).await;
    }
    proxy.open();
    let error = within(BOUND, "a wait", waiting).await.unwrap().unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    for told in ["newest event was at 3", "newest was at 6"] {
        assert!(error.to_string().contains(told), "{told}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projection_goes_on_from_what_is_left() {
    let failing = Failing::start();
    let database = failing.database().await;
    let store = connected(&database).await;
    ledger::make(&database.client().await).await;
    let of_program = Store::new(store.clone()).lease_time(Duration::from_secs(1));
    let (system, of_program) = ledger::started_on(of_program, Arc::new(|_| None)).await;
    for n in 0..5 {
        ledger::note(&of_program, n).await.unwrap();
    }
    let projection = of_program.projection::<Ledger>().unwrap();
    projection.caught_up().await.unwrap();
    failing.keep_copy();
    for n in 5..9 {
        persistently(async || ledger::note(&of_program, n).await).await;
    }
    within(BOUND, "it", projection.caught_up()).await.unwrap();
    failing.fail_over();
    for n in 20..30 {
        persistently(async || ledger::note(&of_program, n).await).await;
    }
    let client = database.client().await;
    // What was not acknowledged may be there, too.
    let log = texts(&store).await;
    let log = log
        .iter()
        .map(|text| text[5..text.len() - 1].parse().unwrap());
    let log: Vec<u32> = log.collect();
    assert!(log.len() >= 15 && !log.contains(&8), "{log:?}");
    until("each that is left has its effect", async || {
        ledger::rows(&client).await == log
    })
    .await;
    system.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_ahead_of_the_newest_event_stops_its_projection() {
    let server = Server::shared();
    let database = server.database().await;
    let store = connected(&database).await;
    let client = database.client().await;
    ledger::make(&client).await;
    store.append(any("a/1", "one")).await.unwrap();
    let (system, of_program) = ledger::started(&store, Arc::new(|_| None)).await;
    let projection = of_program.projection::<Ledger>().unwrap();
    projection.caught_up().await.unwrap();
    system.shutdown().await;
    // The events are from an older copy than the documents.
    let ahead = "UPDATE nether.documents SET content = '7' WHERE collection = 'checkpoint'";
    assert_eq!(client.execute(ahead, &[]).await.unwrap(), 1);
    let store: PostgresStore = connected(&database).await;
    let (system, of_program) = ledger::started(&store, Arc::new(|_| None)).await;
    let projection = of_program.projection::<Ledger>().unwrap();
    let caught_up = within(BOUND, "it", projection.caught_up()).await;
    let error = caught_up.unwrap_err().to_string();
    for told in ["at position 7", "newest event is at 1"] {
        assert!(error.contains(told), "{told}: {error}");
    }
    system.shutdown().await;
    assert_eq!(all(&store).await.len(), 1);
}
