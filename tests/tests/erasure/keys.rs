//! The keys of personal values: those that are missing, wrong, damaged, shared, or from a backup.

use std::fs;

use nether::eventstore::{
    Aggregates, Encoding, MemoryKeys, Position, Projections, Store, StoreError, SubjectKeys,
};
use nether::prelude::*;
use nether_sqlite::{SqliteKeys, SqliteStore};
use nether_tests::Folder;

use crate::program::*;

#[tokio::test]
async fn a_store_without_keys_refuses_personal_values() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let store = Store::memory().encoding(encoding);
        let error = store
            .append_events("list", [registered("a", MARK)])
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("the store has no keys"),
            "{error}"
        );
        let error = store.forget("a").await.unwrap_err();
        assert!(
            error.to_string().contains("the store has no keys"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_store_is_not_used_with_other_keys_or_without_its_own() {
    let folder = Folder::new("other-keys");
    let store = in_file(&folder);
    store
        .append_events("list", [registered("a", MARK)])
        .await
        .unwrap();
    drop(store);
    // The file of keys is lost, and a new one is made.
    fs::rename(folder.0.join("keys"), folder.0.join("lost")).unwrap();
    let store = in_file(&folder);
    let error = store.read_all(Position::START, 10).await.unwrap_err();
    assert!(
        error.is_permanent() && error.to_string().contains("restore a backup of them"),
        "{error}"
    );
    let error = store
        .append_events("list", [registered("b", MARK)])
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("sealed with the keys"),
        "{error}"
    );
    store.forget("a").await.unwrap_err();
    drop(store);
    // Without keys, what is sealed cannot be read, and everything else can.
    let store = Store::new(SqliteStore::open(folder.file()).unwrap());
    let sealed = store.read_all(Position::START, 10).await.unwrap();
    sealed[0].read::<Registered>().unwrap_err();
    drop(store);
    fs::rename(folder.0.join("lost"), folder.0.join("keys")).unwrap();
    assert_eq!(first(&in_file(&folder)).await.name.known().unwrap(), MARK);
}

#[tokio::test]
async fn a_damaged_file_of_keys_is_refused_and_a_value_that_is_damaged_harms_no_other() {
    let folder = Folder::new("damaged");
    let store = in_file(&folder);
    for customer in ["a", "b"] {
        store
            .append_events(customer, [registered(customer, MARK)])
            .await
            .unwrap();
    }
    drop(store);
    let path = folder.0.join("keys");
    let sound = fs::read(&path).unwrap();
    for (at, length) in [(4096, 4096), (100, 500), (0, 16)] {
        let mut damaged = sound.clone();
        damaged[at..at + length].fill(0xff);
        fs::write(&path, damaged).unwrap();
        let error = SqliteKeys::open(&path).unwrap_err();
        let is_said = matches!(
            error,
            StoreError::Corrupt { .. } | StoreError::Foreign { .. }
        );
        assert!(is_said, "{error}");
    }
    fs::write(&path, &sound).unwrap();
    // One key is another one: what it was for cannot be read, and the rest can.
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute(
            "UPDATE subjects SET key = randomblob(32) WHERE subject = 'a'",
            [],
        )
        .unwrap();
    drop(other);
    let store = in_file(&folder);
    let all = store.read_all(Position::START, 10).await.unwrap();
    let error = all[0].read::<Registered>().unwrap_err();
    assert!(error.to_string().contains("undecipherable"), "{error}");
    assert_eq!(
        all[1].read::<Registered>().unwrap().name.known().unwrap(),
        MARK
    );
}

#[tokio::test]
async fn keys_from_before_a_subject_was_forgotten_forget_it_again() {
    let folder = Folder::new("resurrected");
    let store = in_file(&folder);
    store
        .append_events("list", [registered("a", MARK)])
        .await
        .unwrap();
    let keys = SqliteKeys::open(folder.0.join("keys")).unwrap();
    keys.backup_to(folder.0.join("keys.backup")).await.unwrap();
    keys.backup_to(folder.0.join("keys.backup"))
        .await
        .unwrap_err();
    store
        .append_events("list", [registered("b", MARK)])
        .await
        .unwrap();
    store.forget("a").await.unwrap();
    drop((store, keys));
    fs::rename(folder.0.join("keys.backup"), folder.0.join("keys")).unwrap();
    let store = in_file(&folder);
    let only_a = store.read_all(Position::START, 1).await.unwrap();
    assert!(only_a[0].read::<Registered>().unwrap().name.is_forgotten());
    // The key of `b` is not in that backup.
    let error = store.read_all(Position(1), 1).await.unwrap_err();
    assert!(
        error.to_string().contains("personal values of `b`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_projection_that_comes_from_a_backup_forgets_again() {
    let folder = Folder::new("restored");
    let store = in_file(&folder);
    let events = [registered("a", MARK), registered("b", MARK)];
    store.append_events("list", events).await.unwrap();
    let file = SqliteStore::options().read_only(true);
    let file = file.open(folder.file()).unwrap();
    let backup = file.backup_to(folder.0.join("backup.db")).await.unwrap();
    store.forget("a").await.unwrap();
    drop((store, file));
    fs::rename(backup.path, folder.file()).unwrap();
    let store = in_file(&folder);
    let system = System::builder()
        .isolated()
        .with::<Projections<Directory>>();
    let system = system.provide(store.clone()).start().await.unwrap();
    // The backup has no event that says so: the store has appended it again.
    let known = system.context().ask(Names).await.unwrap();
    assert_eq!(known.keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(store.head().await.unwrap(), Position(3));
    assert_eq!(store.forget("a").await.unwrap(), Position(3));
    system.shutdown().await;
}

#[tokio::test]
async fn keys_of_before_make_no_second_key_for_a_subject() {
    let folder = Folder::new("second-key");
    let store = in_file(&folder);
    store
        .append_events("list", [registered("a", MARK)])
        .await
        .unwrap();
    let keys = SqliteKeys::open(folder.0.join("keys")).unwrap();
    keys.backup_to(folder.0.join("keys.backup")).await.unwrap();
    store
        .append_events("list", [registered("b", MARK)])
        .await
        .unwrap();
    drop((store, keys));
    fs::rename(folder.0.join("keys.backup"), folder.0.join("keys")).unwrap();
    let store = in_file(&folder);
    let again = store.append_events("list", [registered("b", MARK)]).await;
    let error = again.unwrap_err().to_string();
    assert!(error.contains("personal values of `b`"), "{error}");
    store
        .append_events("list", [registered("c", MARK)])
        .await
        .unwrap();
}

#[test]
fn keys_that_many_open_at_once_are_made_once() {
    for number in 0..30 {
        let folder = Folder::new(&format!("at-once-{number}"));
        let path = folder.0.join("keys");
        std::thread::scope(|scope| {
            let opening = [(); 6].map(|()| scope.spawn(|| SqliteKeys::open(&path).unwrap()));
            let opened = opening.map(|it| it.join().unwrap());
            drop(opened);
        });
    }
}

#[tokio::test]
async fn a_subject_is_forgotten_though_its_caller_stops_waiting() {
    let store = Store::memory().subject_keys(MemoryKeys::default());
    let system = System::builder().isolated().with::<Aggregates<Customer>>();
    let system = system.provide(store.clone()).start().await.unwrap();
    let ctx = system.context();
    let customer = || "c-1".to_owned();
    let register = Register {
        customer: customer(),
        name: MARK.to_owned(),
    };
    ctx.send(register).await.unwrap();
    tokio::select! {
        biased;
        _ = store.forget("c-1") => {}
        () = std::future::ready(()) => {}
    }
    // The event is the last step of it.
    store.wait_for_new(Position(1)).await.unwrap();
    let name = ctx
        .ask(NameOf {
            customer: customer(),
        })
        .await
        .unwrap();
    assert_eq!(name, None);
    system.shutdown().await;
}

#[tokio::test]
async fn a_store_that_can_only_be_read_is_read_with_its_keys() {
    let folder = Folder::new("read-only");
    let only_read = |keys: &str| {
        let store = SqliteStore::options()
            .read_only(true)
            .open(folder.file())
            .unwrap();
        Store::new(store).subject_keys(SqliteKeys::open(folder.0.join(keys)).unwrap())
    };
    drop(SqliteStore::open(folder.file()).unwrap());
    // Nothing was sealed yet.
    let store = only_read("keys");
    assert_eq!(store.read_all(Position::START, 10).await.unwrap(), []);
    drop(store);
    let store = in_file(&folder);
    let events = [registered("a", MARK), registered("b", MARK)];
    store.append_events("list", events).await.unwrap();
    drop(store);
    // The keys know a subject that is forgotten, and the store does not yet.
    let keys = SqliteKeys::open(folder.0.join("keys")).unwrap();
    keys.forget("a".into()).await.unwrap();
    let store = only_read("keys");
    assert!(first(&store).await.name.is_forgotten());
    let error = only_read("other").head().await.unwrap_err();
    assert!(
        error.to_string().contains("sealed with the keys"),
        "{error}"
    );
}

#[tokio::test]
async fn processes_that_share_a_store_share_its_keys() {
    let folder = Folder::new("shared");
    let (one, other) = (in_file(&folder), in_file(&folder));
    let stores = [&one, &other, &one, &other];
    let appended = stores.map(|store| store.append_events("list", [registered("a", MARK)]));
    let [first_one, second, third, fourth] = appended;
    let appended = tokio::join!(first_one, second, third, fourth);
    for result in [appended.0, appended.1, appended.2, appended.3] {
        result.unwrap();
    }
    for store in [&one, &other] {
        let all = store.read_all(Position::START, 10).await.unwrap();
        for event in all {
            assert_eq!(
                event.read::<Registered>().unwrap().name.known().unwrap(),
                MARK
            );
        }
    }
    other.forget("a").await.unwrap();
    assert!(first(&one).await.name.is_forgotten());
}
