//! A projection or saga that is another one than when it last ran: projections are rebuilt, once.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{Projection, Projections, Sagas, Step, Store};
use nether::prelude::*;
use nether_sqlite::{SqliteStore, SqliteTransaction};
use nether_tests::{Folder, Lines};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use crate::of_many::{Gate, OfMany};

#[event(name = "changed.deposited")]
pub struct Deposited {
    pub account: u32,
    pub cents: i64,
}

#[event(name = "changed.withdrawn")]
pub struct Withdrawn {
    pub account: u32,
    pub cents: i64,
}

#[query(reply = i64)]
pub struct Total;

#[query(reply = i64)]
pub struct NewTotal;

/// What is kept elsewhere.
#[derive(Default)]
pub struct Elsewhere {
    total: Mutex<i64>,
    emptied: AtomicU32,
    cannot_be_emptied: AtomicBool,
    /// What is closed once it is emptied.
    pub then_closes: Mutex<Option<Gate>>,
}

type Kept = Resource<Arc<Elsewhere>>;

impl Elsewhere {
    fn add(&self, cents: i64) {
        *self.total.lock().unwrap() += cents;
    }

    fn empty(&self) -> nether::Result<()> {
        if self.cannot_be_emptied.swap(false, Ordering::SeqCst) {
            return Err(nether::Error::msg("the other database is away"));
        }
        self.emptied.fetch_add(1, Ordering::SeqCst);
        *self.total.lock().unwrap() = 0;
        if let Some(gate) = &*self.then_closes.lock().unwrap() {
            gate.close();
        }
        Ok(())
    }

    pub fn now(&self) -> (i64, u32) {
        let total = *self.total.lock().unwrap();
        (total, self.emptied.load(Ordering::SeqCst))
    }
}

/// A type that keeps its total elsewhere.
macro_rules! elsewhere {
    ($ty:ident, ($($key:tt)*), [$($event:ty => $method:ident * $sign:literal),*], [$($query:ty => $answer:ident),*]) => {
        pub struct $ty(Kept);

        #[projection(name = "total", handles = [$($event,)* $($query),*], $($key)*)]
        impl $ty {
            #[init]
            fn new(kept: Kept) -> Self {
                $ty(kept)
            }

            $(fn $method(&mut self, event: &$event) {
                let times: i64 = $sign;
                self.0.add(times * event.cents);
            })*

            $(fn $answer(&self, _: $query) -> i64 {
                self.0.now().0
            })*

            #[on_rebuild]
            fn clear(&mut self) -> nether::Result<()> {
                self.0.empty()
            }
        }
    };
}

elsewhere!(First, (), [Deposited => deposited * 1], [Total => total]);
elsewhere!(WithMore, (), [Deposited => deposited * 1, Withdrawn => withdrawn * -1], []);
elsewhere!(Second, (version = 2), [Deposited => deposited * 2], [NewTotal => total]);

/// Keeps its total elsewhere, and does not say how it is emptied.
pub struct WithoutHook(Kept);

#[projection(name = "total", version = 2, handles = [Deposited])]
impl WithoutHook {
    #[init]
    fn new(kept: Kept) -> Self {
        WithoutHook(kept)
    }

    fn deposited(&mut self, event: &Deposited) {
        self.0.add(event.cents);
    }
}

pub async fn start<P: Projection>(store: &Store, kept: &Arc<Elsewhere>) -> nether::Result<System> {
    let builder = System::builder().isolated().with::<Projections<P>>();
    let builder = builder.provide(store.clone()).provide(Arc::clone(kept));
    Ok(builder.start().await?)
}

pub async fn caught_up<P: Projection>(store: &Store) {
    let projection = store.projection::<P>().unwrap();
    let caught_up = timeout(Duration::from_secs(60), projection.caught_up());
    caught_up.await.unwrap().unwrap();
}

/// Starts it, waits until it has handled everything, and stops it.
pub async fn run<P: Projection>(store: &Store, kept: &Arc<Elsewhere>) {
    let system = start::<P>(store, kept).await.unwrap();
    caught_up::<P>(store).await;
    system.shutdown().await;
}

pub async fn deposit(store: &Store, cents: i64) {
    let deposited = [Deposited { account: 1, cents }];
    store.append_events("account/1", deposited).await.unwrap();
}

pub async fn withdraw(store: &Store, cents: i64) {
    let withdrawn = [Withdrawn { account: 1, cents }];
    store.append_events("account/1", withdrawn).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_projection_with_another_list_or_version_is_rebuilt_once_and_says_why() {
    let (backend, kept) = (OfMany::new(false), Arc::<Elsewhere>::default());
    let store = || backend.open();
    deposit(&store(), 100).await;
    withdraw(&store(), 30).await;
    run::<First>(&store(), &kept).await;
    run::<First>(&store(), &kept).await;
    assert_eq!(kept.now(), (100, 0), "nothing has changed");

    let (lines, _guard) = Lines::of_this_thread();
    run::<WithMore>(&store(), &kept).await;
    assert_eq!(kept.now(), (70, 1), "events of before count too");
    let said = lines.take();
    assert!(
        said.contains("handles `changed.withdrawn`, which it did not"),
        "{said}"
    );
    run::<WithMore>(&store(), &kept).await;
    assert_eq!(kept.now(), (70, 1));

    run::<Second>(&store(), &kept).await;
    assert_eq!(kept.now(), (200, 2));
    let said = lines.take();
    assert!(said.contains("`version` is 2, and was 1"), "{said}");
    assert!(
        said.contains("does not handle `changed.withdrawn`, which it did"),
        "{said}"
    );
    // No other program can have this store open: the one that runs now is the one that counts.
    run::<First>(&store(), &kept).await;
    assert_eq!(kept.now(), (100, 3));
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_from_before_definitions_is_adopted_without_a_rebuild() {
    let (backend, kept) = (OfMany::new(false), Arc::<Elsewhere>::default());
    deposit(&backend.open(), 100).await;
    run::<First>(&backend.open(), &kept).await;
    backend.put("definition", "total", None).await;
    deposit(&backend.open(), 1).await;
    run::<WithMore>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), (101, 0));
    let definition = backend.text("definition", "total").await.unwrap();
    assert!(definition.contains("changed.withdrawn"), "{definition}");
}

#[tokio::test(start_paused = true)]
async fn a_changed_projection_that_cannot_be_emptied_is_refused_at_the_start() {
    let (backend, kept) = (OfMany::new(false), Arc::<Elsewhere>::default());
    deposit(&backend.open(), 100).await;
    run::<First>(&backend.open(), &kept).await;
    let refused = start::<WithoutHook>(&backend.open(), &kept)
        .await
        .unwrap_err();
    let refused = format!("{refused:#}\n{refused:?}\n{refused}");
    for part in [
        "`total` has changed (its `version` is 2, and was 1)",
        "#[on_rebuild]",
        "another `name`",
        "into the document `total` of `definition`",
    ] {
        assert!(refused.contains(part), "{refused}");
    }
    assert_eq!(kept.now(), (100, 0), "and nothing is doubled");
    // As the text says, which keeps where it began.
    let (_, right) = refused.split_once("write `").unwrap();
    let (right, _) = right.split_once('`').unwrap();
    assert!(right.contains(r#""began_behind":0"#), "{right}");
    let right = right.as_bytes().to_vec();
    backend.put("definition", "total", Some(right)).await;
    run::<WithoutHook>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_whose_hook_fails_is_begun_again_by_the_next_runner() {
    let (backend, kept) = (OfMany::new(false), Arc::<Elsewhere>::default());
    deposit(&backend.open(), 100).await;
    run::<First>(&backend.open(), &kept).await;
    kept.cannot_be_emptied.store(true, Ordering::SeqCst);
    let store = backend.open();
    let system = start::<Second>(&store, &kept).await.unwrap();
    // The module has crashed, and is restarted.
    let handled = async {
        while kept.now() != (200, 1) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(60), handled).await.unwrap();
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_query_waits_until_a_changed_projection_has_handled_all_events_again() {
    let (backend, kept) = (OfMany::new(false), Arc::<Elsewhere>::default());
    for _ in 0..3000 {
        deposit(&backend.open(), 1).await;
    }
    run::<First>(&backend.open(), &kept).await;
    let system = start::<Second>(&backend.open(), &kept).await.unwrap();
    assert_eq!(system.context().ask(NewTotal).await.unwrap(), 6000);
    system.shutdown().await;
}

/// Two programs, one after the other, with a table in the file of the store.
macro_rules! in_the_file {
    ($ty:ident, ($($key:tt)*), [$($event:ty => $method:ident * $sign:literal),*]) => {
        #[derive(Default)]
        pub struct $ty;

        #[projection(name = "ledger", handles = [$($event),*], transaction = SqliteTransaction, $($key)*)]
        impl $ty {
            $(fn $method(&mut self, event: &$event, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
                tx.execute_batch("CREATE TABLE IF NOT EXISTS ledger (cents INTEGER)")?;
                let sql = "INSERT INTO ledger VALUES (?)";
                let times: i64 = $sign;
                tx.execute(sql, [times * event.cents])?;
                Ok(())
            })*

            #[on_rebuild]
            fn clear(&mut self, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
                Ok(tx.execute_batch("DROP TABLE IF EXISTS ledger")?)
            }
        }
    };
}

in_the_file!(Ledger, (), [Deposited => deposited * 1]);
in_the_file!(Ledger2, (), [Deposited => deposited * 1, Withdrawn => withdrawn * -1]);
in_the_file!(Ledger3, (version = 3), [Deposited => deposited * 3]);

#[tokio::test]
async fn a_projection_in_the_file_of_the_store_is_rebuilt_when_it_has_changed() {
    let folder = Folder::new("changed");
    let kept = Arc::<Elsewhere>::default();
    let open = || Store::new(SqliteStore::open(folder.file()).unwrap());
    let total = || {
        let connection = rusqlite::Connection::open(folder.file()).unwrap();
        let sql = "SELECT count(*), sum(cents) FROM ledger";
        let row = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
        row.unwrap()
    };
    let first = open();
    deposit(&first, 100).await;
    withdraw(&first, 30).await;
    run::<Ledger>(&first, &kept).await;
    drop(first);
    assert_eq!(total(), (1, 100));
    run::<Ledger2>(&open(), &kept).await;
    assert_eq!(total(), (2, 70));
    run::<Ledger2>(&open(), &kept).await;
    assert_eq!(total(), (2, 70));
    run::<Ledger3>(&open(), &kept).await;
    assert_eq!(total(), (1, 300));
}

#[command(name = "changed.greet")]
pub struct Greet {
    pub account: u32,
}

#[derive(Default)]
pub struct Greeter;

static GREETED: AtomicU32 = AtomicU32::new(0);

#[module(handles = [Greet])]
impl Greeter {
    async fn greet(&self, _: Greet) {
        GREETED.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Welcome {}

#[saga(name = "welcome", key = account, handles = [Deposited], starts = [Deposited], sends = [Greet])]
impl Welcome {
    fn deposited(&mut self, event: &Deposited, step: &mut Step<Self>) {
        step.send(Greet {
            account: event.account,
        });
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Welcome2 {}

#[saga(name = "welcome", key = account, handles = [Deposited, Withdrawn], starts = [Deposited], sends = [Greet])]
impl Welcome2 {
    fn deposited(&mut self, event: &Deposited, step: &mut Step<Self>) {
        step.send(Greet {
            account: event.account,
        });
    }

    fn withdrawn(&mut self, _: &Withdrawn) {}
}

#[tokio::test(start_paused = true)]
async fn a_saga_that_handles_another_event_says_so_and_goes_on() {
    let backend = OfMany::new(true);
    let store = backend.open();
    let builder = || System::builder().isolated().with::<Greeter>();
    let first = builder().with::<Sagas<Welcome>>();
    let system = first.provide(store.clone()).start().await.unwrap();
    deposit(&store, 1).await;
    withdraw(&store, 1).await;
    store.saga::<Welcome>().unwrap().settled().await.unwrap();
    system.shutdown().await;
    let (lines, _guard) = Lines::of_this_thread();
    let store = backend.open();
    let second = builder().with::<Sagas<Welcome2>>();
    let system = second.provide(store.clone()).start().await.unwrap();
    store.saga::<Welcome2>().unwrap().settled().await.unwrap();
    system.shutdown().await;
    let said = lines.take();
    assert!(
        said.contains("handles `changed.withdrawn`, which it did not"),
        "{said}"
    );
    assert_eq!(GREETED.load(Ordering::SeqCst), 1);
    let store = backend.open();
    let third = builder().with::<Sagas<Welcome2>>();
    let system = third.provide(store.clone()).start().await.unwrap();
    store.saga::<Welcome2>().unwrap().settled().await.unwrap();
    system.shutdown().await;
    assert!(!lines.take().contains("has changed"));
}
