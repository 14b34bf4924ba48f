//! Where projections keep what they read: in the store's own file, or elsewhere; one after the other, or side
//! by side.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use nether::eventstore::{CatchingUp, Position, Projections, RecordedEvent, Store};
use nether::prelude::*;
use nether_sqlite::{SqliteStore, SqliteTransaction};
use nether_tests::Folder;

/// What a test wants of the projections.
#[derive(Default)]
pub struct Wanted {
    /// How often the handler of a text fails before it succeeds.
    failing: Mutex<BTreeMap<String, u32>>,
    /// How many handlers are at work now, and how many were at most.
    at_work: Mutex<(u32, u32)>,
    /// What was handled, by stream.
    seen: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Wanted {
    fn handle(&self, text: &str) -> nether::Result<()> {
        let mut failing = self.failing.lock().unwrap();
        match failing.get_mut(text) {
            Some(0) | None => Ok(()),
            Some(more) => {
                *more -= 1;
                Err(nether::Error::msg(format!("{text} fails")))
            }
        }
    }

    fn fail(&self, text: &str, times: u32) {
        self.failing.lock().unwrap().insert(text.to_owned(), times);
    }
}

type Shared = Arc<Wanted>;

/// Handles events of different streams at the same time.
pub struct Many {
    wanted: Option<Resource<Shared>>,
}

#[projection(handles = [Joined], parallel = 4, retry = 0)]
impl Many {
    #[init]
    async fn new(wanted: Resource<Shared>) -> nether::Result<Self> {
        Ok(Many {
            wanted: Some(wanted),
        })
    }

    async fn joined(&self, event: &Joined, recorded: &RecordedEvent) -> nether::Result<()> {
        let Some(wanted) = &self.wanted else {
            return Ok(());
        };
        wanted.handle(&event.who)?;
        {
            let mut at_work = wanted.at_work.lock().unwrap();
            at_work.0 += 1;
            at_work.1 = at_work.1.max(at_work.0);
        }
        tokio::task::yield_now().await;
        wanted.at_work.lock().unwrap().0 -= 1;
        let mut seen = wanted.seen.lock().unwrap();
        seen.entry(recorded.stream.to_string())
            .or_default()
            .push(event.who.clone());
        Ok(())
    }

    #[on_rebuild]
    fn clear(&mut self) {
        if let Some(wanted) = &self.wanted {
            wanted.seen.lock().unwrap().clear();
        }
    }
}

#[event(name = "crowd.joined")]
pub struct Joined {
    pub who: String,
}

#[event(name = "words.said")]
pub struct Said {
    pub word: String,
}

/// Keeps the table `words`, in the file of the store.
pub struct Words {
    wanted: Resource<Shared>,
}

#[projection(handles = [Said], transaction = SqliteTransaction, retry = 1)]
impl Words {
    #[init]
    fn new(wanted: Resource<Shared>) -> Self {
        Words { wanted }
    }

    fn said(
        &mut self,
        event: &Said,
        tx: &SqliteTransaction<'_>,
        at: Position,
    ) -> nether::Result<()> {
        tx.execute_batch("CREATE TABLE IF NOT EXISTS words (at INTEGER, word TEXT)")?;
        let sql = "INSERT INTO words VALUES (?, ?)";
        tx.execute(sql, (at.0.cast_signed(), &event.word))?;
        // After it has written: that is taken back.
        self.wanted.handle(&event.word)
    }

    #[on_rebuild]
    fn clear(&mut self, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        Ok(tx.execute_batch("DROP TABLE IF EXISTS words")?)
    }
}

/// A system in which `Words` can be: in a file.
async fn started(folder: &Folder, wanted: &Shared) -> (System, Store) {
    let store = Store::new(SqliteStore::open(folder.file()).unwrap());
    let builder = System::builder()
        .isolated()
        .with::<Projections<Many>>()
        .with::<Projections<Words>>()
        .provide(store.clone());
    let system = builder.provide(Arc::clone(wanted)).start().await;
    (system.unwrap(), store)
}

async fn words(store: &Store, folder: &Folder) -> Vec<(i64, String)> {
    store
        .projection::<Words>()
        .unwrap()
        .caught_up()
        .await
        .unwrap();
    let connection = rusqlite::Connection::open(folder.file()).unwrap();
    let mut rows = connection
        .prepare("SELECT at, word FROM words ORDER BY at")
        .unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

async fn say(store: &Store, stream: &str, words: &[&str]) {
    let said = words.iter().map(|word| Said {
        word: (*word).to_owned(),
    });
    store.append_events(stream, said).await.unwrap();
}

fn expected(words: &[(i64, &str)]) -> Vec<(i64, String)> {
    words
        .iter()
        .map(|(at, word)| (*at, (*word).to_owned()))
        .collect()
}

#[tokio::test]
async fn what_is_written_with_the_checkpoint_is_written_once() {
    let (folder, wanted) = (Folder::new("words"), Shared::default());
    let (system, store) = started(&folder, &wanted).await;
    // The first time, with its page; then by itself, and again.
    wanted.fail("twice", 2);
    say(&store, "words/1", &["once", "twice"]).await;
    assert_eq!(
        words(&store, &folder).await,
        expected(&[(1, "once"), (2, "twice")])
    );
    wanted.fail("never", u32::MAX);
    say(&store, "words/1", &["never", "behind"]).await;
    say(&store, "words/2", &["beside"]).await;
    let after = expected(&[(1, "once"), (2, "twice"), (5, "beside")]);
    assert_eq!(words(&store, &folder).await, after);
    let projection = store.projection::<Words>().unwrap();
    assert_eq!(projection.parked()[0].position, Position(3));
    system.shutdown().await;
    drop((projection, store, system));

    let (system, store) = started(&folder, &wanted).await;
    assert_eq!(words(&store, &folder).await, after, "also after a restart");
    let projection = store.projection::<Words>().unwrap();
    assert_eq!(projection.parked().len(), 1, "what is parked stays parked");
    assert!(projection.retry_parked("words/1").await.is_err());
    wanted.fail("never", 0);
    assert_eq!(projection.retry_parked("words/1").await.unwrap(), 2);
    let all = expected(&[
        (1, "once"),
        (2, "twice"),
        (3, "never"),
        (4, "behind"),
        (5, "beside"),
    ]);
    assert_eq!(words(&store, &folder).await, all);
    projection.rebuild().await.unwrap();
    assert_eq!(
        words(&store, &folder).await,
        all,
        "as if it were the first time"
    );
    system.shutdown().await;
}

#[tokio::test]
async fn a_projection_that_writes_into_the_file_wants_one() {
    let builder = System::builder()
        .isolated()
        .with::<Projections<Many>>()
        .with::<Projections<Words>>()
        .provide(Store::memory());
    let error = builder
        .provide(Shared::default())
        .start()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("SqliteStore::open"), "{error}");
}

#[tokio::test]
async fn streams_are_handled_at_the_same_time_and_each_in_order() {
    let wanted = Shared::default();
    let folder = Folder::new("many");
    let joined = |number: u32| Joined {
        who: number.to_string(),
    };
    // All are there before anybody reads, so that they are read at once.
    let store = Store::new(SqliteStore::open(folder.file()).unwrap());
    for stream in 0..16 {
        let events = (0..4).map(joined);
        let stream = format!("crowd/{stream}");
        store.append_events(stream, events).await.unwrap();
    }
    drop(store);
    let (system, store) = started(&folder, &wanted).await;
    let projection = store.projection::<Many>().unwrap();
    projection.caught_up().await.unwrap();
    let seen = wanted.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 16);
    for (stream, who) in seen {
        assert_eq!(who, ["0", "1", "2", "3"], "{stream}");
    }
    let most = wanted.at_work.lock().unwrap().1;
    assert!(
        (2..=4).contains(&most),
        "{most} were at work at the same time"
    );
    system.shutdown().await;
}

#[tokio::test]
async fn one_that_is_elsewhere_goes_on_where_it_was_and_is_rebuilt_by_its_hook() {
    let (folder, wanted) = (Folder::new("elsewhere"), Shared::default());
    let (system, store) = started(&folder, &wanted).await;
    wanted.fail("bad", 1);
    for who in ["good", "bad", "late"] {
        let who = who.to_owned();
        store
            .append_events("crowd/1", [Joined { who }])
            .await
            .unwrap();
    }
    let projection = store.projection::<Many>().unwrap();
    projection.caught_up().await.unwrap();
    let seen = || {
        wanted
            .seen
            .lock()
            .unwrap()
            .get("crowd/1")
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(seen(), ["good"]);
    assert_eq!(projection.retry_all_parked().await.unwrap(), 2);
    assert_eq!(seen(), ["good", "bad", "late"]);
    system.shutdown().await;
    drop((projection, store, system));

    let (system, store) = started(&folder, &wanted).await;
    let mut told = system.subscribe::<CatchingUp>();
    let projection = store.projection::<Many>().unwrap();
    projection.caught_up().await.unwrap();
    assert_eq!(seen().len(), 3, "nothing is handled again");
    projection.rebuild().await.unwrap();
    assert_eq!(
        seen(),
        ["good", "bad", "late"],
        "it was cleared, and read anew"
    );
    let told = loop {
        let told = told.next().await.unwrap();
        if told.name == "many" && told.rebuild {
            break told;
        }
    };
    assert_eq!((told.events, told.remaining()), (3, 0));
    system.shutdown().await;
}
