//! What was under way in the file goes on in the database.

use std::path::PathBuf;

use nether::eventstore::{Direction, Position, Store, StreamId};
use nether_postgres::PostgresStore;
use nether_postgres_tests::Server;
use nether_sqlite::{SqliteKeys, SqliteStore};

use crate::import::imported;
use crate::program::{
    Elsewhere, Kind, Owner, Rewarded, Seen, SumsInFile, SumsOnServer, Third, deposit, open, start,
};

const ACCOUNTS: [&str; 3] = ["a", "b", "c"];

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("nether-moving-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("it can be made");
        Folder(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_goes_on_where_it_was() {
    let folder = Folder::new();
    let (file, keys) = (folder.file("bank.db"), folder.file("bank.keys"));
    let elsewhere = Elsewhere::default();

    let backend = SqliteStore::open(&file).expect("it can be made");
    let kept = SqliteKeys::open(&keys).expect("it can be made");
    let store = Store::new(backend.clone()).subject_keys(kept);
    let system = start(&store, &elsewhere, Kind::InFile).await;
    for account in ACCOUNTS {
        open(&system, account).await;
    }
    for cents in [1, 2] {
        for account in ACCOUNTS {
            deposit(&system, account, cents).await;
        }
    }
    let seen = store.projection::<Seen>().expect("it runs");
    seen.caught_up().await.expect("it runs");
    let sums = store.projection::<SumsInFile>().expect("it runs");
    sums.caught_up().await.expect("it runs");
    store
        .saga::<Third>()
        .expect("it runs")
        .settled()
        .await
        .expect("it runs");
    system.shutdown().await;
    drop((store, seen, sums, system));
    let seen_before = elsewhere.0.lock().expect("no panic").clone();
    assert_eq!(seen_before.len(), 6);

    let server = Server::shared();
    let database = server.database().await;
    drop(backend);
    let imported = imported(&file, &database.address()).await;
    assert_eq!(imported.events, 9);

    let old = SqliteStore::options()
        .read_only(true)
        .open(&file)
        .expect("it is there");
    let old = Store::new(old);
    let backend = PostgresStore::connect(&database.address())
        .await
        .expect("it is there");
    let new = Store::new(backend.clone());
    let all = old
        .read_all(Position::START, 100)
        .await
        .expect("it can be read");
    assert_eq!(
        new.read_all(Position::START, 100)
            .await
            .expect("it can be read"),
        all
    );
    let stream = StreamId::new("account", "b");
    let of_stream = old.read_stream(&stream, 1, Direction::Forwards, 100).await;
    let moved = new.read_stream(&stream, 1, Direction::Forwards, 100).await;
    assert_eq!(
        moved.expect("it can be read"),
        of_stream.expect("it can be read")
    );
    for collection in old.collections().await.expect("they can be listed") {
        let (mut before, after) = (
            old.documents(&collection).await.expect("they can be read"),
            new.documents(&collection).await.expect("they can be read"),
        );
        match &*collection {
            "lease" | "heartbeat" | "transaction" => before.clear(),
            "checkpoint" => before.retain(|(name, _)| **name != *"sums"),
            _ => {}
        }
        assert_eq!(after, before, "the documents of `{collection}`");
    }
    assert!(
        !new.documents("snapshot/account")
            .await
            .expect("they can be read")
            .is_empty()
    );

    // Encrypted there too.
    let client = database.client().await;
    let found = client
        .query_one("SELECT count(*) FROM nether.events WHERE position(convert_to('owner of', 'UTF8') IN payload) > 0", &[])
        .await
        .expect("it can be read");
    assert_eq!(found.get::<_, i64>(0), 0);

    client
        .batch_execute("CREATE TABLE sums (position bigint PRIMARY KEY, cents bigint)")
        .await
        .expect("it can be made");
    let kept = SqliteKeys::open(&keys).expect("it is there");
    let store = Store::new(backend).subject_keys(kept);
    let system = start(&store, &elsewhere, Kind::OnServer).await;
    let account = "a".to_owned();
    let owner = system.context().ask(Owner { account }).await;
    assert_eq!(owner.expect("it answers").as_deref(), Some("owner of a"));
    for account in ACCOUNTS {
        deposit(&system, account, 3).await;
    }
    let sagas = store.saga::<Third>().expect("it runs");
    sagas.settled().await.expect("it runs");
    let seen = store.projection::<Seen>().expect("it runs");
    seen.caught_up().await.expect("it runs");
    let sums = store.projection::<SumsOnServer>().expect("it runs");
    sums.caught_up().await.expect("it runs");
    system.shutdown().await;

    // The projection elsewhere went on behind its checkpoint, and that in the database began anew.
    let seen_after = elsewhere.0.lock().expect("no panic").clone();
    assert_eq!(seen_after[..6], seen_before);
    let events = new
        .read_all(Position::START, 100)
        .await
        .expect("it can be read");
    let deposits = events
        .iter()
        .filter(|event| &*event.name == "moving.deposited");
    let deposits: Vec<_> = deposits.map(|event| event.position).collect();
    assert_eq!(seen_after, deposits);
    let row = client
        .query_one("SELECT count(*), sum(cents)::bigint FROM sums", &[])
        .await;
    let row = row.expect("it can be read");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (9, 18));
    // The sagas have counted the deposits in the file.
    let rewards = events
        .iter()
        .filter_map(|event| event.read::<Rewarded>().ok());
    let mut rewards: Vec<_> = rewards.map(|event| event.account).collect();
    rewards.sort_unstable();
    assert_eq!(rewards, ACCOUNTS);
    // Positions go on behind the last one of the file.
    assert!(
        events
            .iter()
            .zip(1..)
            .all(|(event, position)| event.position.0 == position)
    );
}
