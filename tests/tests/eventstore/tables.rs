//! A projection that names its tables is rebuilt beside them: the old ones answer until the new ones take
//! their place, and are removed then.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{Position, Projection, Projections, Store, Tables};
use nether::prelude::*;
use nether_tests::Lines;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::of_many::{Gate, LEASE_TIME, OfMany};

#[event(name = "tables.paid")]
pub struct Paid {
    pub cents: i64,
}

#[event(name = "tables.paid_back")]
pub struct PaidBack {
    pub cents: i64,
}

/// The sum in the live table, or why there is none: for each version.
#[query(reply = String)]
pub struct Sum;

#[query(reply = String)]
pub struct NewSum;

#[query(reply = String)]
pub struct SumOfMore;

/// As `Sum`, once the gate lets it.
#[query(reply = String)]
pub struct SlowSum;

/// Another database: tables by their names, and in each what an event has added, by its position.
pub struct Database {
    tables: Mutex<BTreeMap<String, BTreeMap<u64, i64>>>,
    /// How often a table was given a row that it had.
    pub again: Mutex<u32>,
    /// Before an event is handled, and before a slow query reads.
    pub events: Gate,
    pub slow: Semaphore,
    pub asked: Mutex<u32>,
    /// The next `#[init]` for other tables than the first fails; and the next `#[on_rebuild]`.
    pub init_fails: AtomicBool,
    pub drop_fails: AtomicBool,
}

impl Database {
    pub fn new() -> Arc<Self> {
        Arc::new(Database {
            tables: Mutex::default(),
            again: Mutex::default(),
            events: Gate::default(),
            slow: Semaphore::new(0),
            asked: Mutex::default(),
            init_fails: AtomicBool::default(),
            drop_fails: AtomicBool::default(),
        })
    }

    pub fn add(&self, table: &str, at: Position, cents: i64) {
        let mut tables = self.tables.lock().unwrap();
        let table = tables.entry(table.to_owned()).or_default();
        if table.insert(at.0, cents).is_some() {
            *self.again.lock().unwrap() += 1;
        }
    }

    fn drop_table(&self, table: &str) -> nether::Result<()> {
        if self.drop_fails.swap(false, Ordering::SeqCst) {
            return Err(nether::Error::msg("the table is locked"));
        }
        self.tables.lock().unwrap().remove(table);
        Ok(())
    }

    fn sum(&self, table: &str) -> String {
        match self.tables.lock().unwrap().get(table) {
            Some(rows) => rows.values().sum::<i64>().to_string(),
            None => format!("no table {table}"),
        }
    }

    /// The tables and their sums.
    pub fn now(&self) -> Vec<(String, i64)> {
        let tables = self.tables.lock().unwrap();
        let sums = tables
            .iter()
            .map(|(name, rows)| (name.clone(), rows.values().sum()));
        sums.collect()
    }
}

pub type Kept = Resource<Arc<Database>>;

/// A program whose projection names its table, and adds so many times what is paid.
macro_rules! sums {
    ($ty:ident, ($($key:tt)*), $times:literal, [$($also:ty => $back:ident)?], [$($query:ty => $sum:ident),*], [$($slow:ty)?]) => {
        #[derive(Clone)]
        pub struct $ty {
            kept: Kept,
            table: String,
            tables: Tables,
        }

        #[projection(name = "sums", handles = [Paid, $($also,)? $($query,)* $($slow)?], $($key)*)]
        impl $ty {
            #[init]
            fn new(kept: Kept, tables: Tables) -> nether::Result<Self> {
                let table = tables.name("sums");
                if table != "sums" && kept.init_fails.swap(false, Ordering::SeqCst) {
                    return Err(nether::Error::msg("the database is away"));
                }
                Ok($ty { kept, table, tables })
            }

            async fn paid(&mut self, event: &Paid, at: Position) {
                self.kept.events.pass().await;
                self.kept.add(&self.table, at, $times * event.cents);
            }

            $(async fn $back(&mut self, event: &$also, at: Position) {
                self.kept.add(&self.table, at, - event.cents);
            })?

            $(fn $sum(&self, _: $query) -> String {
                format!("{} of {}", self.kept.sum(&self.table), self.tables.version())
            })*

            $(async fn slow_sum(&self, _: $slow) -> String {
                *self.kept.asked.lock().unwrap() += 1;
                self.kept.slow.acquire().await.unwrap().forget();
                self.kept.sum(&self.table)
            })?

            #[on_rebuild]
            fn clear(&mut self) -> nether::Result<()> {
                self.kept.drop_table(&self.table)
            }
        }
    };
}

sums!(First, (), 1, [], [Sum => sum], [SlowSum]);
sums!(WithMore, (), 1, [PaidBack => paid_back], [SumOfMore => sum], []);
sums!(Second, (version = 2), 2, [], [NewSum => sum], []);

/// The same projection, which does not name its table.
macro_rules! unnamed {
    ($ty:ident, ($($key:tt)*), $times:literal) => {
        pub struct $ty(Kept);

        #[projection(name = "sums", handles = [Paid], $($key)*)]
        impl $ty {
            #[init]
            fn new(kept: Kept) -> Self {
                $ty(kept)
            }

            fn paid(&mut self, event: &Paid, at: Position) {
                self.0.add("sums", at, $times * event.cents);
            }

            #[on_rebuild]
            fn clear(&mut self) -> nether::Result<()> {
                self.0.drop_table("sums")
            }
        }
    };
}

unnamed!(Unnamed, (), 1);
unnamed!(Unnamed3, (version = 3), 3);

pub async fn start<P: Projection>(store: &Store, kept: &Arc<Database>) -> System {
    let builder = System::builder().isolated().with::<Projections<P>>();
    let builder = builder.provide(store.clone()).provide(Arc::clone(kept));
    builder.start().await.unwrap()
}

/// Waits for what does not take longer than a minute.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), work).await.unwrap()
}

pub async fn caught_up<P: Projection>(store: &Store) {
    let projection = store.projection::<P>().unwrap();
    within(projection.caught_up()).await.unwrap();
}

pub async fn run<P: Projection>(store: &Store, kept: &Arc<Database>) {
    let system = start::<P>(store, kept).await;
    caught_up::<P>(store).await;
    // What is left of a rebuild is removed.
    sleep(Duration::from_millis(1)).await;
    system.shutdown().await;
}

pub async fn pay(store: &Store, cents: i64) {
    store
        .append_events("till/1", [Paid { cents }])
        .await
        .unwrap();
}

pub async fn ask(system: &System) -> String {
    within(system.context().ask(Sum)).await.unwrap()
}

pub async fn ask_new(system: &System) -> String {
    within(system.context().ask(NewSum)).await.unwrap()
}

pub async fn until_waiting(gate: &Gate) {
    let waits = async {
        while gate.waiting() == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    within(waits).await;
}

/// Waits until the tables are these.
pub async fn until_tables(kept: &Database, tables: &[(&str, i64)]) {
    let wanted = tables.iter().map(|(name, sum)| (name.to_string(), *sum));
    let wanted: Vec<_> = wanted.collect();
    let are_these = async {
        while kept.now() != wanted {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = timeout(LEASE_TIME * 9, are_these).await;
    assert!(waited.is_ok(), "{:?} and not {wanted:?}", kept.now());
}

/// A store of one process whose first projection has handled one event.
async fn handled() -> (OfMany, Arc<Database>) {
    let (backend, kept) = (OfMany::new(false), Database::new());
    pay(&backend.open(), 100).await;
    run::<First>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), [("sums".to_owned(), 100)]);
    (backend, kept)
}

#[tokio::test(start_paused = true)]
async fn a_changed_projection_is_rebuilt_beside_its_tables_which_answer_until_it_has_caught_up() {
    let (backend, kept) = handled().await;
    pay(&backend.open(), 1).await;
    let store = backend.open();
    let (lines, _guard) = Lines::of_this_thread();
    kept.events.close();
    let system = start::<Second>(&store, &kept).await;
    until_waiting(&kept.events).await;
    assert_eq!(ask_new(&system).await, "100 of 1", "nobody waits");
    let projection = store.projection::<Second>().unwrap();
    assert_eq!(projection.position(), Position(1), "of what answers");
    pay(&store, 1).await;
    let waited = timeout(Duration::from_secs(1), projection.caught_up()).await;
    assert!(waited.is_err(), "who has written waits for the new tables");

    kept.events.open();
    caught_up::<Second>(&store).await;
    assert_eq!(ask_new(&system).await, "204 of 2");
    until_tables(&kept, &[("sums__1", 204)]).await;
    let said = lines.take();
    assert!(said.contains("beside its tables"), "{said}");
    assert!(said.contains("`version` is 2, and was 1"), "{said}");
    system.shutdown().await;

    // Not once more.
    run::<Second>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), [("sums__1".to_owned(), 204)]);
    assert_eq!(*kept.again.lock().unwrap(), 0);
    // No other program can have this store open: the one that runs now is the one that counts.
    run::<WithMore>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), [("sums__2".to_owned(), 102)]);
}

#[tokio::test(start_paused = true)]
async fn a_projection_that_does_not_name_its_tables_is_rebuilt_in_place_and_the_log_says_so() {
    let (backend, kept) = (OfMany::new(false), Database::new());
    pay(&backend.open(), 100).await;
    run::<Unnamed>(&backend.open(), &kept).await;
    let (lines, _guard) = Lines::of_this_thread();
    run::<Unnamed3>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), [("sums".to_owned(), 300)]);
    let said = lines.take();
    assert!(said.contains("rebuilt in place"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn an_ordered_rebuild_fills_other_tables_while_the_old_ones_answer() {
    let (backend, kept) = handled().await;
    let store = backend.open();
    let system = start::<First>(&store, &kept).await;
    caught_up::<First>(&store).await;
    for number in 1..=2 {
        kept.events.close();
        let projection = store.projection::<First>().unwrap();
        let rebuilt = tokio::spawn(async move { projection.rebuild().await });
        while kept.events.waiting() < number {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(ask(&system).await, "100 of 1");
        kept.events.open();
        within(rebuilt).await.unwrap().unwrap();
        let table = format!("sums__{number}");
        until_tables(&kept, &[(&table, 100)]).await;
        assert_eq!(ask(&system).await, "100 of 1");
    }
    pay(&store, 1).await;
    caught_up::<First>(&store).await;
    assert_eq!(ask(&system).await, "101 of 1");
    let tables = store.projection::<First>().unwrap().tables().await.unwrap();
    assert_eq!(tables.name("sums"), "sums__2");
    system.shutdown().await;
    run::<First>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), [("sums__2".to_owned(), 101)]);
    assert_eq!(*kept.again.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn tables_that_a_query_reads_are_removed_when_it_has_ended() {
    // An event goes on with a copy of the value that a query holds.
    for is_copied in [false, true] {
        let (backend, kept) = handled().await;
        let store = backend.open();
        let system = start::<First>(&store, &kept).await;
        caught_up::<First>(&store).await;
        let ctx = system.context();
        let slow = tokio::spawn(async move { ctx.ask(SlowSum).await });
        while *kept.asked.lock().unwrap() == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        if is_copied {
            pay(&store, 0).await;
            caught_up::<First>(&store).await;
        }
        let projection = store.projection::<First>().unwrap();
        within(projection.rebuild()).await.unwrap();
        // Events do not wait for it.
        pay(&store, 1).await;
        caught_up::<First>(&store).await;
        assert_eq!(ask(&system).await, "101 of 1");
        sleep(Duration::from_secs(1)).await;
        let both = [("sums".to_owned(), 100), ("sums__1".to_owned(), 101)];
        assert_eq!(kept.now(), both);
        kept.slow.add_permits(1);
        assert_eq!(within(slow).await.unwrap().unwrap(), "100");
        until_tables(&kept, &[("sums__1", 101)]).await;
        system.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_projection_may_begin_to_name_its_tables_without_a_rebuild_and_end_to() {
    let (backend, kept) = (OfMany::new(false), Database::new());
    pay(&backend.open(), 100).await;
    run::<Unnamed>(&backend.open(), &kept).await;
    run::<First>(&backend.open(), &kept).await;
    assert_eq!(
        kept.now(),
        [("sums".to_owned(), 100)],
        "it has the same name"
    );
    run::<Second>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), [("sums__1".to_owned(), 200)]);

    let (lines, _guard) = Lines::of_this_thread();
    run::<Unnamed>(&backend.open(), &kept).await;
    let said = lines.take();
    assert!(said.contains("does not name its tables"), "{said}");
    assert!(said.contains("rebuilt in place"), "{said}");
    let both = [("sums".to_owned(), 100), ("sums__1".to_owned(), 200)];
    assert_eq!(kept.now(), both, "it knows nothing of the other");
    pay(&backend.open(), 1).await;
    run::<Unnamed>(&backend.open(), &kept).await;
    // Who does removes it.
    run::<First>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), [("sums".to_owned(), 101)]);
    assert_eq!(*kept.again.lock().unwrap(), 0);
    run::<Second>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), [("sums__2".to_owned(), 202)]);
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_cannot_begin_leaves_all_as_it_was() {
    let (backend, kept) = handled().await;
    let store = backend.open();
    let system = start::<First>(&store, &kept).await;
    caught_up::<First>(&store).await;
    kept.init_fails.store(true, Ordering::SeqCst);
    let projection = store.projection::<First>().unwrap();
    let error = within(projection.rebuild()).await.unwrap_err();
    assert!(error.to_string().contains("is away"), "{error}");
    pay(&store, 1).await;
    caught_up::<First>(&store).await;
    assert_eq!(ask(&system).await, "101 of 1");
    within(projection.rebuild()).await.unwrap();
    assert_eq!(ask(&system).await, "101 of 1");
    system.shutdown().await;
    // At a start, the module is restarted until it can.
    let (backend, kept) = handled().await;
    kept.init_fails.store(true, Ordering::SeqCst);
    let system = start::<Second>(&backend.open(), &kept).await;
    let sum = async {
        while system.context().ask(NewSum).await.ok().as_deref() != Some("200 of 2") {
            sleep(Duration::from_millis(10)).await;
        }
    };
    within(sum).await;
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_fails_is_tried_again_also_by_the_next_runner() {
    let (backend, kept) = handled().await;
    let store = backend.open();
    let (lines, _guard) = Lines::of_this_thread();
    kept.drop_fails.store(true, Ordering::SeqCst);
    let system = start::<Second>(&store, &kept).await;
    caught_up::<Second>(&store).await;
    sleep(Duration::from_secs(1)).await;
    let both = [("sums".to_owned(), 100), ("sums__1".to_owned(), 200)];
    assert_eq!(kept.now(), both);
    let said = lines.take();
    assert!(said.contains("the table is locked"), "{said}");
    assert_eq!(ask_new(&system).await, "200 of 2", "it goes on");
    until_tables(&kept, &[("sums__1", 200)]).await;

    kept.drop_fails.store(true, Ordering::SeqCst);
    let projection = store.projection::<Second>().unwrap();
    within(projection.rebuild()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    system.shutdown().await;
    assert_eq!(kept.now().len(), 2);
    run::<Second>(&backend.open(), &kept).await;
    assert_eq!(kept.now(), [("sums__2".to_owned(), 200)]);
}
