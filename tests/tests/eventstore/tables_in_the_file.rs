//! Tables in the file of the store that are filled beside the live ones, in the transactions of the store.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use nether::eventstore::{Position, Projection, Projections, Store, Tables};
use nether::prelude::*;
use nether_sqlite::{SqliteStore, SqliteTransaction};
use nether_tests::Folder;
use rusqlite::{Connection, OpenFlags};
use tokio::time::{sleep, timeout};

use crate::tables::within;

#[event(name = "sold.sold")]
pub struct Sold {
    pub cents: i64,
}

/// How many were sold, and for how much.
#[query(reply = (i64, i64))]
pub struct Sales;

/// The same, for the second version.
#[query(reply = (i64, i64))]
pub struct NewSales;

/// How many events were handled.
#[derive(Default)]
pub struct Handled {
    count: AtomicU64,
    /// The number of the event in whose handler the projection waits; 0 for none.
    held_at: u64,
    is_released: Mutex<bool>,
    released: Condvar,
}

impl Handled {
    fn held_at(event: u64) -> Arc<Self> {
        Arc::new(Handled {
            held_at: event,
            ..Handled::default()
        })
    }

    fn handle(&self) {
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        if number == self.held_at {
            let is_released = self.is_released.lock().unwrap();
            let waited = self.released.wait_while(is_released, |it| !*it);
            drop(waited.unwrap());
        }
    }

    /// Waits until the event is being handled in whose handler the projection waits.
    async fn until_held(&self) {
        let held = async {
            while self.count.load(Ordering::SeqCst) < self.held_at {
                tokio::task::yield_now().await;
            }
        };
        within(held).await;
    }

    fn release(&self) {
        *self.is_released.lock().unwrap() = true;
        self.released.notify_all();
    }
}

type File = Resource<PathBuf>;

/// A program whose projection keeps a table in the file, and an index of it.
macro_rules! in_the_file {
    ($ty:ident, ($($key:tt)*), $times:literal, $query:ty) => {
        pub struct $ty {
            file: File,
            handled: Resource<Arc<Handled>>,
            create: String,
            insert: String,
            select: String,
            drop: String,
        }

        #[projection(name = "sold", handles = [Sold, $query], transaction = SqliteTransaction, $($key)*)]
        impl $ty {
            #[init]
            fn new(file: File, handled: Resource<Arc<Handled>>, tables: Tables) -> Self {
                let [sold, by_cents] = ["sold", "sold_by_cents"].map(|table| tables.name(table));
                $ty {
                    file,
                    handled,
                    create: format!(
                        "CREATE TABLE IF NOT EXISTS {sold} (at INTEGER PRIMARY KEY, cents INTEGER);
                        CREATE INDEX IF NOT EXISTS {by_cents} ON {sold} (cents)"
                    ),
                    insert: format!("INSERT INTO {sold} VALUES (?, ?)"),
                    select: format!("SELECT count(*), sum(cents) FROM {sold}"),
                    drop: format!("DROP TABLE IF EXISTS {sold}"),
                }
            }

            fn sold(&mut self, event: &Sold, at: Position, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
                self.handled.handle();
                tx.execute_batch(&self.create)?;
                tx.execute(&self.insert, (at.0.cast_signed(), $times * event.cents))?;
                Ok(())
            }

            fn sales(&self, _: $query) -> nether::Result<(i64, i64)> {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
                let file = Connection::open_with_flags(&*self.file, flags)?;
                Ok(file.query_row(&self.select, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
            }

            #[on_rebuild]
            fn clear(&mut self, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
                Ok(tx.execute_batch(&self.drop)?)
            }
        }
    };
}

in_the_file!(Sold1, (), 1, Sales);
in_the_file!(Sold2, (version = 2), 2, NewSales);

async fn start<P: Projection>(store: &Store, folder: &Folder, handled: &Arc<Handled>) -> System {
    let builder = System::builder().isolated().with::<Projections<P>>();
    let builder = builder.provide(store.clone()).provide(folder.file());
    builder.provide(Arc::clone(handled)).start().await.unwrap()
}

async fn caught_up<P: Projection>(store: &Store) {
    let projection = store.projection::<P>().unwrap();
    within(projection.caught_up()).await.unwrap();
}

async fn sell(store: &Store, count: usize) {
    let sold = (0..count).map(|_| Sold { cents: 1 });
    store.append_events("shop/1", sold).await.unwrap();
}

async fn ask(system: &System) -> (i64, i64) {
    within(system.context().ask(Sales)).await.unwrap()
}

async fn ask_new(system: &System) -> (i64, i64) {
    within(system.context().ask(NewSales)).await.unwrap()
}

/// The names of the tables and indices of the program in the file.
fn names(folder: &Folder) -> Vec<String> {
    let file = Connection::open(folder.file()).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE name LIKE 'sold%' ORDER BY name";
    let mut names = file.prepare(sql).unwrap();
    let names = names.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

async fn until_names(folder: &Folder, wanted: &[&str]) {
    let are_these = async {
        while names(folder) != wanted {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = timeout(Duration::from_secs(60), are_these).await;
    assert!(waited.is_ok(), "{:?}", names(folder));
}

#[tokio::test]
async fn tables_in_the_file_of_the_store_are_filled_beside_the_live_ones_and_swapped() {
    let folder = Folder::new("tables");
    let handled = Arc::<Handled>::default();
    let open = || Store::new(SqliteStore::open(folder.file()).unwrap());
    let store = open();
    sell(&store, 3000).await;
    let system = start::<Sold1>(&store, &folder, &handled).await;
    caught_up::<Sold1>(&store).await;
    assert_eq!(ask(&system).await, (3000, 3000));
    // While it is rebuilt, all that is asked is answered, and from whole tables.
    let projection = store.projection::<Sold1>().unwrap();
    let rebuilt = tokio::spawn(async move { projection.rebuild().await });
    let mut answers = 0;
    while !rebuilt.is_finished() {
        assert_eq!(ask(&system).await, (3000, 3000));
        answers += 1;
    }
    rebuilt.await.unwrap().unwrap();
    assert!(answers > 0);
    until_names(&folder, &["sold__1", "sold_by_cents__1"]).await;
    system.shutdown().await;
    drop((system, store));

    let store = open();
    let system = start::<Sold2>(&store, &folder, &handled).await;
    sell(&store, 1).await;
    caught_up::<Sold2>(&store).await;
    assert_eq!(ask_new(&system).await, (3001, 6002));
    until_names(&folder, &["sold__2", "sold_by_cents__2"]).await;
    system.shutdown().await;
}

/// Opens the file, once whatever a runtime has left behind has let it go.
fn reopened(folder: &Folder) -> Store {
    let since = Instant::now();
    loop {
        match SqliteStore::open(folder.file()) {
            Ok(store) => return Store::new(store),
            Err(error) => assert!(since.elapsed() < Duration::from_secs(10), "{error}"),
        }
        std::thread::yield_now();
    }
}

/// Runs it in a runtime of its own that ends, without a stop, while it handles the event of that number.
fn killed_after<P: Projection>(folder: &Folder, events: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let handled = Handled::held_at(events);
    let store = reopened(folder);
    let system = runtime.block_on(async {
        let system = start::<P>(&store, folder, &handled).await;
        handled.until_held().await;
        system
    });
    runtime.shutdown_background();
    handled.release();
    drop(system);
}

#[test]
fn a_rebuild_in_the_file_that_is_cut_off_anywhere_counts_each_event_once() {
    let folder = Folder::new("tables-cut-off");
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let handled = Arc::<Handled>::default();
    let open = || reopened(&folder);
    runtime().block_on(async {
        let store = open();
        sell(&store, 5000).await;
        let system = start::<Sold1>(&store, &folder, &handled).await;
        caught_up::<Sold1>(&store).await;
        system.shutdown().await;
    });
    // In the first page, in later ones, and about when it has caught up.
    for events in [1, 900, 700, 1000] {
        killed_after::<Sold2>(&folder, events);
    }
    runtime().block_on(async {
        let store = open();
        let system = start::<Sold2>(&store, &folder, &handled).await;
        let switched = async {
            while ask_new(&system).await != (5000, 10000) {
                tokio::task::yield_now().await;
            }
        };
        within(switched).await;
        until_names(&folder, &["sold__1", "sold_by_cents__1"]).await;
        system.shutdown().await;
    });
}

#[tokio::test]
async fn two_versions_with_one_file_read_the_live_tables_while_the_newer_one_fills_others() {
    let folder = Folder::new("tables-of-many");
    let open = || {
        let options = SqliteStore::options().shared(true);
        let options = options.poll_interval(Duration::from_millis(5));
        let store = Store::new(options.open(folder.file()).unwrap());
        store.lease_time(Duration::from_millis(500))
    };
    let quick = Arc::<Handled>::default();
    let held = Handled::held_at(700);
    let [one, two, three] = [(); 3].map(|()| open());
    sell(&one, 1500).await;
    let first = start::<Sold1>(&one, &folder, &quick).await;
    caught_up::<Sold1>(&one).await;
    let older = start::<Sold1>(&two, &folder, &quick).await;
    let newer = start::<Sold2>(&three, &folder, &held).await;
    assert_eq!(ask(&older).await, (1500, 1500));
    assert_eq!(ask_new(&newer).await, (1500, 1500));
    first.shutdown().await;
    // Whichever of the two runs: the newer one fills its tables once the older one has ended.
    let (mut older, mut asked) = (Some(older), 0);
    let switched = async {
        loop {
            let answers = [
                ask_new(&newer).await,
                match &older {
                    Some(older) => ask(older).await,
                    None => (1500, 1500),
                },
            ];
            for answer in answers {
                assert!([(1500, 1500), (1500, 3000)].contains(&answer), "{answer:?}");
            }
            asked += 1;
            if answers[0] == (1500, 3000) {
                return;
            }
            if asked == 20
                && let Some(older) = older.take()
            {
                older.shutdown().await;
            }
            if asked == 40 {
                held.release();
            }
        }
    };
    within(switched).await;
    until_names(&folder, &["sold__1", "sold_by_cents__1"]).await;
    assert_eq!(ask_new(&newer).await, (1500, 3000));
    newer.shutdown().await;
}
