//! Limits and settings of the server: connections, times, room, roles.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nether::Transaction;
use nether::eventstore::{EventStore, Position, StoreError};
use nether_postgres::PostgresStore;
use nether_postgres::tokio_postgres::Client;
use nether_postgres_tests::Server;

use crate::support::{
    all, any, assert_unavailable, connected, persistently, settled, texts, until, within,
};

const BOUND: Duration = Duration::from_secs(16);

async fn end_sessions(client: &Client) {
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    client.query(end, &[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_free_connections_is_waited_for_and_then_an_error() {
    let server = Server::start(&[
        "fsync=off",
        "max_connections=8",
        "superuser_reserved_connections=1",
    ]);
    let database = server.database().await;
    let client = database.client().await;
    let role = format!(
        "CREATE ROLE bob LOGIN; GRANT CREATE ON DATABASE {0} TO bob",
        database.name()
    );
    client.batch_execute(&role).await.unwrap();
    let address = database
        .address_at(server.port())
        .replace("postgres@", "bob@");
    let options = PostgresStore::options().answer_within(Duration::from_secs(3));
    let store = options.clone().connect(&address).await.unwrap();
    store.append(any("a/1", "one")).await.unwrap();
    // Others take what is left, also when the store loses its own.
    let mut others = Vec::new();
    let config = format!(
        "host=127.0.0.1 port={} user=bob dbname={}",
        server.port(),
        database.name()
    );
    until("all are taken", async || {
        let opened = nether_postgres::tokio_postgres::connect(
            &config,
            nether_postgres::tokio_postgres::NoTls,
        );
        match opened.await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                others.push(client);
                false
            }
            Err(error) => error.code().is_some_and(|code| code.code() == "53300"),
        }
    })
    .await;
    assert_unavailable(within(BOUND, "it", options.clone().connect(&address)).await);
    let (appended, begun) = within(BOUND, "both", async {
        tokio::join!(store.append(any("a/1", "two")), store.begin())
    })
    .await;
    appended.unwrap();
    assert_unavailable(begun);
    drop(others);
    let transaction = persistently(async || store.begin().await).await;
    transaction.append(any("a/1", "three")).unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(texts(&store).await, ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_times_are_times() {
    let database = Server::shared().database().await;
    let options = PostgresStore::options().answer_within(Duration::MAX);
    let address = database.address();
    let store = options.clone().connect(&address).await.unwrap();
    store.append(any("a/1", "one")).await.unwrap();
    let transaction = store.begin().await.unwrap();
    transaction.append(any("a/1", "two")).unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(texts(&store).await, ["one", "two"]);
    let sep = if address.contains('?') { '&' } else { '?' };
    let longest = format!("{address}{sep}connect_timeout={}", i64::MAX);
    let store = PostgresStore::connect(&longest).await.unwrap();
    assert_eq!(texts(&store).await, ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_transactions_than_connections_wait_and_then_are_an_error() {
    let database = Server::shared().database().await;
    let options = PostgresStore::options().transactions(1);
    let options = options.answer_within(Duration::from_secs(1));
    let store = options.connect(&database.address()).await.unwrap();
    let held = store.begin().await.unwrap();
    let error = within(BOUND, "a begin", store.begin()).await.unwrap_err();
    let told = "PostgresOptions::transactions";
    assert!(error.to_string().contains(told), "{error}");
    held.rollback().await.unwrap();
    store.begin().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_settings_of_a_role_change_nothing_of_what_is_promised() {
    let database = Server::shared().database().await;
    let client = database.client().await;
    let name = database.name();
    for setting in [
        "default_transaction_isolation = 'serializable'",
        "synchronous_commit = off",
        "default_transaction_deferrable = on",
        "search_path = ''",
        "row_security = off",
        "bytea_output = 'escape'",
        "standard_conforming_strings = off",
        "extra_float_digits = 0",
        "timezone = 'Asia/Kathmandu'",
        "datestyle = 'German'",
        "enable_seqscan = off",
        "plan_cache_mode = 'force_generic_plan'",
    ] {
        let set = format!("ALTER DATABASE {name} SET {setting}");
        client.batch_execute(&set).await.unwrap();
    }
    let store = connected(&database).await;
    // What a commit is set to can be seen at its end alone.
    let seen = "CREATE TABLE public.seen (setting text); \
        CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS \
        'BEGIN INSERT INTO public.seen VALUES (current_setting(''synchronous_commit'')); RETURN NEW; END'; \
        CREATE CONSTRAINT TRIGGER see AFTER INSERT ON nether.events DEFERRABLE INITIALLY DEFERRED \
        FOR EACH ROW EXECUTE FUNCTION public.see()";
    client.batch_execute(seen).await.unwrap();
    let writers = (0..20).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.append(any("a/1", &n.to_string())).await.unwrap() })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let transaction = store.begin().await.unwrap();
    transaction.append(any("a/1", "by a transaction")).unwrap();
    transaction.commit().await.unwrap();
    let of_program = database.pool(1).get().await.unwrap();
    let transaction = store.begin_on(of_program).await.unwrap();
    transaction
        .append(any("a/1", "by the program's connection"))
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(all(&store).await.len(), 22);
    let seen = "SELECT setting, count(*) FROM public.seen GROUP BY 1";
    let seen = client.query(seen, &[]).await.unwrap();
    let seen = seen.iter().map(|row| (row.get(0), row.get(1)));
    let seen: Vec<(String, i64)> = seen.collect();
    assert_eq!(
        seen,
        [("on".to_owned(), 22)],
        "what is acknowledged is on the disk"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_limit_of_the_server_is_an_error_that_passes() {
    let database = Server::shared().database().await;
    let client = database.client().await;
    let store = connected(&database).await;
    store.append(any("a/1", "one")).await.unwrap();
    let name = database.name();
    let set = format!("ALTER DATABASE {name} SET statement_timeout = '100ms'");
    client.batch_execute(&set).await.unwrap();
    end_sessions(&client).await;
    let lock = "BEGIN; SELECT FROM nether.head FOR UPDATE";
    client.batch_execute(lock).await.unwrap();
    let error = settled(async || store.append(any("a/1", "never")).await)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains("57014"), "{error}");
    client.batch_execute("ROLLBACK").await.unwrap();
    store.append(any("a/1", "two")).await.unwrap();
    assert_eq!(texts(&store).await, ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_written_is_read_and_written_again_later() {
    let database = Server::shared().database().await;
    let client = database.client().await;
    let store = connected(&database).await;
    store.append(any("a/1", "one")).await.unwrap();
    let name = database.name();
    let set = |to: &str| format!("ALTER DATABASE {name} SET default_transaction_read_only = {to}");
    client.batch_execute(&set("on")).await.unwrap();
    end_sessions(&client).await;
    let appended = settled(async || store.append(any("a/1", "never")).await).await;
    assert!(
        matches!(appended, Err(StoreError::ReadOnly { .. })),
        "{appended:?}"
    );
    let changed = store.change_documents(
        vec![nether::eventstore::DocumentChange {
            collection: "c".into(),
            key: "k".into(),
            content: None,
        }],
        Vec::new(),
    );
    let changed = changed.await;
    assert!(
        matches!(changed, Err(StoreError::ReadOnly { .. })),
        "{changed:?}"
    );
    assert_eq!(texts(&store).await, ["one"]);
    assert_eq!(
        store.wait_for_new(Position::START).await.unwrap(),
        Position(1)
    );
    // A session that was opened meanwhile stays read-only: another one is needed.
    client.batch_execute(&set("off")).await.unwrap();
    store.append(any("a/1", "two")).await.unwrap();
    assert_eq!(texts(&store).await, ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_hosts_one_that_can_be_written_is_used() {
    let database = Server::shared().database().await;
    let client = database.client().await;
    let port = Server::shared().port();
    connected(&database).await;
    let name = database.name();
    let several = format!("postgres://postgres@127.0.0.1:{port},127.0.0.1:{port}/{name}");
    let any_of_them = format!("{several}?target_session_attrs=any");
    let set = |to: &str| format!("ALTER DATABASE {name} SET default_transaction_read_only = {to}");
    client.batch_execute(&set("on")).await.unwrap();
    let refused = PostgresStore::connect(&several).await;
    let said = refused.as_ref().map(drop).map_err(ToString::to_string);
    assert!(said.is_err_and(|it| it.contains("does not allow writes")));
    assert_unavailable(refused);
    PostgresStore::connect(&any_of_them).await.unwrap();
    client.batch_execute(&set("off")).await.unwrap();
    let store = PostgresStore::connect(&several).await.unwrap();
    store.append(any("a/1", "one")).await.unwrap();
}

/// A file system with little room, which is gone when this is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where nothing may be mounted: in a container without that right.
    fn new() -> Option<SmallDisk> {
        let folder = std::env::temp_dir().join(format!("nether-pg-disk-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m,mode=777", "nether"])
            .arg(&folder)
            .output();
        if mount.is_ok_and(|it| it.status.success()) {
            return Some(SmallDisk(folder));
        }
        std::fs::remove_dir(&folder).unwrap();
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// A payload that cannot be compressed.
fn noise(seed: u64) -> String {
    let mut state = seed * 2 + 1;
    let mut text = String::new();
    for _ in 0..4000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        text.push_str(&format!("{:x}", state >> 33));
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_an_error_until_it_has_room() {
    let Some(disk) = SmallDisk::new() else {
        println!("nothing may be mounted here: not run");
        return;
    };
    let server = Server::start(&["fsync=off"]);
    let folder = disk.0.join("tables");
    let made = Command::new("install")
        .args(["-d", "-o", "postgres", "-m", "700"])
        .arg(&folder)
        .status();
    assert!(made.unwrap().success());
    let filler = disk.0.join("filler");
    std::fs::write(&filler, vec![1; 6 << 20]).unwrap();
    let database = server.database().await;
    let client = database.client().await;
    let space = format!("CREATE TABLESPACE small LOCATION '{}'", folder.display());
    client.batch_execute(&space).await.unwrap();
    let set = format!(
        "ALTER DATABASE {} SET default_tablespace = small",
        database.name()
    );
    client.batch_execute(&set).await.unwrap();
    let store = connected(&database).await;
    let mut stored = 0;
    let error = loop {
        match store.append(any("a/1", &noise(stored))).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 4000, "it gets full");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(stored > 0);
    assert_eq!(
        all(&store).await.len() as u64,
        stored,
        "what is acknowledged is there"
    );
    let transaction = store.begin().await.unwrap();
    transaction
        .append(any("a/1", &noise(stored).repeat(40)))
        .unwrap();
    let error = transaction.commit().await.unwrap_err();
    assert!(error.to_string().contains("is full"), "{error}");
    std::fs::remove_file(&filler).unwrap();
    store.append(any("a/1", &noise(stored))).await.unwrap();
    assert_eq!(all(&store).await.len() as u64, stored + 1);
    drop(store);
    server.stop(nether_postgres_tests::StopMode::Fast);
}
