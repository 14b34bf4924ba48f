//! Personal values: how they are stored, and what is left of them when their subject is forgotten.

use std::fs;
use std::sync::Arc;

use nether::eventstore::{
    Aggregates, Encoding, MemoryKeys, Personal, Position, Projections, Sagas, Store, StoreError,
    StreamId, SubjectForgotten, SubjectKeyState, SubjectKeys,
};
use nether::prelude::*;
use nether_sqlite::{SqliteKeys, SqliteStore};
use nether_tests::Folder;

use crate::program::*;

#[tokio::test]
async fn a_personal_value_is_known_until_its_subject_is_forgotten() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let store = Store::memory()
            .encoding(encoding)
            .subject_keys(MemoryKeys::default());
        let events = ["a", "b"].map(|customer| registered(customer, MARK));
        store.append_events("list", events).await.unwrap();
        let known = first(&store).await;
        assert_eq!(known.name.known().unwrap(), MARK);
        assert_eq!(known.numbers[0].known(), Some(&u128::MAX));
        assert_eq!(known.more.unwrap().known(), Some(&None));
        let position = store.forget("a").await.unwrap();
        assert_eq!(
            store.forget("a").await.unwrap(),
            position,
            "it is forgotten once"
        );
        let forgotten = first(&store).await;
        assert_eq!(forgotten.customer, "a");
        assert_eq!(forgotten.name, Personal::forgotten("a"));
        assert!(forgotten.numbers.iter().all(Personal::is_forgotten));
        assert!(forgotten.more.unwrap().is_forgotten());
        let all = store.read_all(Position::START, 10).await.unwrap();
        let other = all[1].read::<Registered>().unwrap();
        assert_eq!(other.name.known().unwrap(), MARK, "another subject");
        let last = all[2].read::<SubjectForgotten>().unwrap();
        assert_eq!(
            (&*last.subject, all.len(), all[2].position),
            ("a", 3, position)
        );
    }
}

#[tokio::test]
async fn no_plain_value_is_ever_in_a_file_and_no_key_after_it_was_destroyed() {
    let folder = Folder::new("bytes");
    let store = in_file(&folder);
    let file = SqliteStore::options()
        .read_only(true)
        .open(folder.file())
        .unwrap();
    let keys = SqliteKeys::open(folder.0.join("keys")).unwrap();
    let customer = || "c-1".to_owned();
    let system = System::builder()
        .isolated()
        .with::<Aggregates<Customer>>()
        .with::<Sagas<Welcoming>>()
        .provide(store.clone())
        .start()
        .await
        .unwrap();
    let ctx = system.context();
    let name = MARK.to_owned();
    let command = Register {
        customer: customer(),
        name,
    };
    ctx.send(command).await.unwrap();
    let welcoming = store.saga::<Welcoming>().unwrap();
    welcoming.settled().await.unwrap();
    let stream = StreamId::new("customer", "c-1");
    // The snapshot is written in a task of its own.
    while store
        .document("snapshot/customer", stream.key())
        .await
        .unwrap()
        .is_none()
    {
        tokio::task::yield_now().await;
    }
    let saga = store.documents("saga/welcoming").await.unwrap();
    assert!(
        String::from_utf8_lossy(&saga[0].1).contains(MARK),
        "opened by the store"
    );
    let before = file.backup_to(folder.0.join("before.db")).await.unwrap();
    let state = keys.keys(vec!["c-1".into()]).await.unwrap().remove(0);
    let SubjectKeyState::Known(key) = state else {
        panic!("{state:?}");
    };
    assert!(
        has(&folder.0, key.as_bytes()),
        "the search finds what is there"
    );
    assert!(!has(&folder.0, MARK.as_bytes()));

    store.forget("c-1").await.unwrap();
    assert!(!has(&folder.0, key.as_bytes()));
    let asked = ctx
        .ask(NameOf {
            customer: customer(),
        })
        .await;
    assert_eq!(asked.unwrap(), None, "the aggregate in memory");
    drop(ctx);
    system.shutdown().await;
    drop((system, welcoming, store, file, keys));
    assert!(!has(&folder.0, key.as_bytes()));
    assert!(!has(&folder.0, MARK.as_bytes()));
    // Neither does the backup from before know the name.
    fs::rename(&before.path, folder.file()).unwrap();
    let store = in_file(&folder);
    assert!(first(&store).await.name.is_forgotten());
}

#[tokio::test]
async fn a_saga_in_memory_and_a_projection_forget() {
    let store = Store::memory().subject_keys(MemoryKeys::default());
    let greeter = Greeter::default();
    let names = Arc::clone(&greeter.names);
    let system = System::builder()
        .isolated()
        .with::<Sagas<Welcoming>>()
        .with::<Projections<Directory>>()
        .provide(store.clone())
        .start()
        .await
        .unwrap();
    let _greeter = system.attach(greeter).await.unwrap();
    for customer in ["a", "b"] {
        let event = registered(customer, MARK);
        store.append_events("list", [event]).await.unwrap();
    }
    let sagas = store.saga::<Welcoming>().unwrap();
    sagas.settled().await.unwrap();
    let position = store.forget("a").await.unwrap();
    sagas.wait_for(position).await.unwrap();
    for customer in ["a", "b"] {
        let customer = customer.to_owned();
        store
            .append_events("list", [Confirmed { customer }])
            .await
            .unwrap();
    }
    sagas.settled().await.unwrap();
    let mut welcomed = std::mem::take(&mut *names.lock().unwrap());
    welcomed.sort();
    let expected = [
        Personal::forgotten("a"),
        Personal::new("b", MARK.to_owned()),
    ];
    assert_eq!(welcomed, expected);
    let directory = store.projection::<Directory>().unwrap();
    directory.caught_up().await.unwrap();
    let known = system.context().ask(Names).await.unwrap();
    assert_eq!(known.keys().collect::<Vec<_>>(), ["b"]);
    system.shutdown().await;
}

#[tokio::test]
async fn nothing_new_is_kept_of_a_subject_that_is_forgotten() {
    let store = Store::memory().subject_keys(MemoryKeys::default());
    store.forget("a").await.unwrap(); // Before anything is known of it.
    let error = store
        .append_events("list", [registered("a", MARK)])
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Codec { .. }), "{error}");
    assert!(
        error.to_string().contains("`a` is forgotten, for good"),
        "{error}"
    );
    assert_eq!(store.head().await.unwrap(), Position(1));
    store
        .append_events("list", [registered("b", MARK)])
        .await
        .unwrap();
}

#[test]
fn a_personal_value_shows_its_subject_alone() {
    let shown = format!("{:?}", registered("c-1", MARK));
    assert!(shown.contains(r#"Personal("c-1", known)"#), "{shown}");
    assert!(!shown.contains(MARK), "{shown}");
    let forgotten = Personal::<String>::forgotten("c-1");
    assert_eq!(format!("{forgotten:?}"), r#"Personal("c-1", forgotten)"#);
    assert_eq!(Personal::new("c-1", 7).into_known(), Some(7));
}
