//! Personal values: how they are stored, and what is left of them when their subject is forgotten.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use nether::eventstore::{
    Aggregates, Encoding, MemoryKeys, Personal, Position, Projections, Sagas, Step, Store,
    StoreError, StreamId, SubjectForgotten, SubjectKeyState, SubjectKeys,
};
use nether::prelude::*;
use nether_sqlite::{SqliteKeys, SqliteStore};
use nether_tests::Folder;
use serde::{Deserialize, Serialize};

#[command(key = customer, name = "erasure.register")]
pub struct Register {
    pub customer: String,
    pub name: String,
}

#[query(key = customer, reply = Option<String>)]
pub struct NameOf {
    pub customer: String,
}

#[event(name = "erasure.registered")]
pub struct Registered {
    pub customer: String,
    pub name: Personal<String>,
    pub numbers: Vec<Personal<u128>>,
    pub more: Option<Personal<Option<f64>>>,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Customer {
    name: Option<Personal<String>>,
}

#[aggregate(handles = [Register, NameOf], events = [Registered], snapshot_every = 1)]
impl Customer {
    fn register(&self, register: Register) -> Registered {
        registered(&register.customer, &register.name)
    }

    fn name(&self, _: NameOf) -> Option<String> {
        self.name.as_ref()?.known().cloned()
    }

    fn registered(&mut self, event: &Registered) {
        self.name = Some(event.name.clone());
    }
}

#[command(name = "erasure.welcome")]
pub struct Welcome {
    pub name: Personal<String>,
}

/// Welcomes a customer after a while.
#[derive(Default, Serialize, Deserialize)]
pub struct Welcoming {
    name: Option<Personal<String>>,
}

#[event(name = "erasure.confirmed")]
pub struct Confirmed {
    pub customer: String,
}

#[saga(
    key = customer,
    starts = [Registered],
    handles = [Registered, Confirmed],
    ends = [Confirmed],
    sends = [Welcome]
)]
impl Welcoming {
    fn registered(&mut self, event: &Registered, _: &mut Step<Self>) {
        self.name = Some(event.name.clone());
    }

    fn confirmed(&mut self, _: &Confirmed, step: &mut Step<Self>) {
        let name = self.name.clone();
        step.send(Welcome {
            name: name.expect("it began with a name"),
        });
    }
}

#[derive(Default)]
pub struct Greeter {
    names: Arc<std::sync::Mutex<Vec<Personal<String>>>>,
}

#[module(handles = Welcome, manual)]
impl Greeter {
    async fn welcome(&self, welcome: Welcome) {
        self.names.lock().unwrap().push(welcome.name);
    }
}

#[query(reply = BTreeMap<String, String>)]
pub struct Names;

/// Keeps names, and removes those of subjects that are forgotten.
#[derive(Default)]
pub struct Directory {
    names: BTreeMap<String, String>,
}

#[projection(handles = [Registered, SubjectForgotten, Names])]
impl Directory {
    fn registered(&mut self, event: &Registered) {
        if let Some(name) = event.name.known() {
            self.names.insert(event.customer.clone(), name.clone());
        }
    }

    fn forgotten(&mut self, event: &SubjectForgotten) {
        self.names.remove(&event.subject);
    }

    fn names(&self, _: Names) -> BTreeMap<String, String> {
        self.names.clone()
    }
}

const MARK: &str = "Annabella Erasmus";

fn registered(customer: &str, name: &str) -> Registered {
    Registered {
        customer: customer.to_owned(),
        name: Personal::new(customer, name.to_owned()),
        numbers: vec![
            Personal::new(customer, u128::MAX),
            Personal::new(customer, 7),
        ],
        more: Some(Personal::new(customer, None)),
    }
}

fn in_file(folder: &Folder) -> Store {
    let store = SqliteStore::options()
        .shared(true)
        .open(folder.file())
        .unwrap();
    Store::new(store).subject_keys(SqliteKeys::open(folder.0.join("keys")).unwrap())
}

async fn first(store: &Store) -> Registered {
    let all = store.read_all(Position::START, 10).await.unwrap();
    all[0].read::<Registered>().unwrap()
}

/// Whether one of the files in a folder has these bytes.
fn has(folder: &Path, bytes: &[u8]) -> bool {
    let mut files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    files.any(|file| {
        let content = fs::read(file).unwrap();
        content.windows(bytes.len()).any(|it| it == bytes)
    })
}

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

#[test]
fn a_personal_value_shows_its_subject_alone() {
    let shown = format!("{:?}", registered("c-1", MARK));
    assert!(shown.contains(r#"Personal("c-1", known)"#), "{shown}");
    assert!(!shown.contains(MARK), "{shown}");
    let forgotten = Personal::<String>::forgotten("c-1");
    assert_eq!(format!("{forgotten:?}"), r#"Personal("c-1", forgotten)"#);
    assert_eq!(Personal::new("c-1", 7).into_known(), Some(7));
}
