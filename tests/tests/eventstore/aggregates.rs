//! Aggregates: commands decide, events evolve, the store keeps them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{
    Aggregates, Append, Appended, Direction, DocumentChange, EventId, EventStore, Expected,
    MemoryStore, Metadata, NewEvent, Payload, Position, RecordedEvent, Store, StoreFuture,
    StreamId,
};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

use crate::forward::forward;

#[derive(Debug, thiserror::Error, PartialEq)]
pub enum AccountError {
    #[error("not enough money")]
    NotEnough,
}

#[derive(Debug, PartialEq)]
pub struct Balance(u64);

impl From<&Account> for Balance {
    fn from(account: &Account) -> Self {
        Balance(account.cents)
    }
}

#[command(key = account_id)]
pub struct OpenAccount {
    pub account_id: String,
}

#[command(key = account_id, reply = Balance, error = AccountError)]
pub struct Withdraw {
    pub account_id: String,
    pub cents: u64,
}

#[event(name = "account.opened")]
pub struct Opened {
    pub account_id: String,
}

#[event(name = "account.withdrawn")]
pub struct Withdrawn {
    pub cents: u64,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Account {
    cents: u64,
}

#[aggregate(handles = [OpenAccount, Withdraw], events = [Opened, Withdrawn], snapshot_every = 2)]
impl Account {
    fn open(&self, open: OpenAccount) -> Opened {
        Opened {
            account_id: open.account_id,
        }
    }

    async fn withdraw(
        &self,
        withdraw: Withdraw,
        limit: Resource<u64>,
    ) -> Result<(Withdrawn, Withdrawn), AccountError> {
        if withdraw.cents > self.cents.min(*limit) {
            return Err(AccountError::NotEnough);
        }
        let cents = withdraw.cents;
        Ok((Withdrawn { cents }, Withdrawn { cents: 0 }))
    }

    fn opened(&mut self, _: &Opened) {
        self.cents = 100;
    }

    fn withdrawn(&mut self, event: &Withdrawn) {
        self.cents -= event.cents;
    }
}

#[tokio::test]
async fn what_happened_is_stored_and_published() {
    let store = Store::memory();
    let system = started(&store).await;
    let mut withdrawn = system.subscribe::<Withdrawn>();
    let ctx = system.context();
    ctx.send(OpenAccount {
        account_id: "a".into(),
    })
    .await
    .unwrap();
    let balance = ctx
        .send(Withdraw {
            account_id: "a".into(),
            cents: 40,
        })
        .await
        .unwrap();
    assert_eq!(balance, Balance(60));
    let refused = ctx
        .send(Withdraw {
            account_id: "a".into(),
            cents: 61,
        })
        .await;
    assert_eq!(
        refused.unwrap_err().into_handler_error().unwrap(),
        AccountError::NotEnough
    );
    ctx.close().await.unwrap();
    assert_eq!(withdrawn.next().await.unwrap().cents, 40);
    system.shutdown().await;
    let again = started(&store).await;
    let balance = again
        .context()
        .send(Withdraw {
            account_id: "a".into(),
            cents: 1,
        })
        .await
        .unwrap();
    assert_eq!(balance, Balance(59));
}

#[derive(Debug, PartialEq)]
pub struct Beats(u64);

impl From<&Heart> for Beats {
    fn from(heart: &Heart) -> Self {
        Beats(heart.beats)
    }
}

#[command(key = heart, reply = Beats)]
pub struct Beat {
    pub heart: u64,
}

#[event(name = "heart.beaten")]
pub struct Beaten;

#[derive(Default)]
pub struct Heart {
    beats: u64,
}

// One shard of the cache keeps one.
#[aggregate(handles = Beat, events = Beaten, cache = 16, idle = "1m")]
impl Heart {
    fn beat(&self, _: Beat) -> Beaten {
        Beaten
    }

    fn beaten(&mut self, _: &Beaten) {
        self.beats += 1;
    }
}

/// A store that others write to at the worst moment, and that remembers what is read.
#[derive(Default)]
struct Watched {
    store: MemoryStore,
    /// The streams that were read, and from which version on.
    read: Mutex<Vec<(String, u64)>>,
    /// How often another writer is faster.
    rivals: Mutex<usize>,
}

impl Watched {
    fn read(&self) -> Vec<(String, u64)> {
        std::mem::take(&mut *self.read.lock().unwrap())
    }
}

/// The store that programs are given.
struct Handle(Arc<Watched>);

impl EventStore for Handle {
    forward!(self => self.0.store; read_all head wait_for_new find document documents change_documents);

    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        Box::pin(async move {
            let mut rivals = *self.0.rivals.lock().unwrap();
            if rivals > 0 {
                rivals -= 1;
                *self.0.rivals.lock().unwrap() = rivals;
                let rival = foreign(append.stream.as_str(), "heart.beaten", "null");
                self.0.store.append(rival).await?;
            }
            self.0.store.append(append).await
        })
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> StoreFuture<'_, Vec<RecordedEvent>> {
        let read = (stream.as_str().to_owned(), from);
        self.0.read.lock().unwrap().push(read);
        self.0.store.read_stream(stream, from, direction, limit)
    }

    fn is_shared(&self) -> bool {
        false
    }
}

/// What another program writes.
fn foreign(stream: &str, name: &'static str, json: &str) -> Append {
    Append {
        stream: stream.into(),
        expected: Expected::Any,
        events: vec![NewEvent {
            id: EventId::new(),
            name: name.into(),
            schema_version: 1,
            payload: Payload {
                encoding: nether::eventstore::Encoding::Json,
                bytes: json.as_bytes().to_vec(),
            },
        }],
        metadata: Metadata::default(),
        conditions: Vec::new(),
    }
}

async fn watched() -> (Arc<Watched>, Store, System) {
    let watched = Arc::new(Watched::default());
    let store = Store::new(Handle(Arc::clone(&watched)));
    let system = started(&store).await;
    (watched, store, system)
}

async fn started(store: &Store) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Account>>()
        .with::<Aggregates<Heart>>()
        .provide(store.clone());
    builder.provide(60_u64).start().await.unwrap()
}

#[tokio::test]
async fn a_command_is_not_refused_for_what_others_have_changed() {
    let store = Store::memory();
    let system = started(&store).await;
    let ctx = system.context();
    let account_id = || "a".to_owned();
    let withdraw = |cents| Withdraw {
        account_id: account_id(),
        cents,
    };
    ctx.send(OpenAccount {
        account_id: account_id(),
    })
    .await
    .unwrap();
    for cents in [60, 40] {
        ctx.send(withdraw(cents)).await.unwrap();
    }
    // Another writer's, of which the aggregate in memory knows nothing.
    let opened = Opened {
        account_id: account_id(),
    };
    store.append_events("account/a", [opened]).await.unwrap();
    assert_eq!(ctx.send(withdraw(50)).await.unwrap(), Balance(50));
    ctx.close().await.unwrap();
    system.shutdown().await;
}

#[tokio::test]
async fn an_aggregate_in_memory_is_not_read_again() {
    let (watched, store, system) = watched().await;
    let ctx = system.context();
    for beats in 1..4 {
        assert_eq!(ctx.send(Beat { heart: 1 }).await.unwrap(), Beats(beats));
    }
    assert_eq!(watched.read(), [("heart/1".to_owned(), 1)]);
    // Another writer writes to it: that is seen when it is appended to, and decided upon anew.
    store
        .append(foreign("heart/1", "heart.beaten", "null"))
        .await
        .unwrap();
    assert_eq!(ctx.send(Beat { heart: 1 }).await.unwrap(), Beats(5));
    assert_eq!(watched.read(), [("heart/1".to_owned(), 1)]);
    system.shutdown().await;
}

#[tokio::test]
async fn a_command_is_decided_upon_again_while_others_are_faster() {
    let (watched, store, system) = watched().await;
    let ctx = system.context();
    *watched.rivals.lock().unwrap() = 15;
    assert_eq!(ctx.send(Beat { heart: 1 }).await.unwrap(), Beats(16));
    *watched.rivals.lock().unwrap() = 16;
    let error = ctx.send(Beat { heart: 1 }).await.unwrap_err();
    let nether::CallError::Unavailable(error) = error else {
        panic!("{error}");
    };
    let source = std::error::Error::source(&*error).unwrap().to_string();
    assert!(
        source.contains("`heart/1` is in version 32, where 31 was expected"),
        "{source}"
    );
    assert_eq!(store.head().await.unwrap(), Position(32));
    assert_eq!(ctx.send(Beat { heart: 1 }).await.unwrap(), Beats(33));
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_used_leaves_memory() {
    let (watched, _, system) = watched().await;
    let ctx = system.context();
    ctx.send(Beat { heart: 1 }).await.unwrap();
    tokio::time::sleep(Duration::from_secs(50)).await;
    ctx.send(Beat { heart: 1 }).await.unwrap();
    assert_eq!(watched.read().len(), 1);
    tokio::time::sleep(Duration::from_secs(50)).await;
    ctx.send(Beat { heart: 1 }).await.unwrap();
    assert_eq!(watched.read().len(), 0, "it was used within a minute");
    tokio::time::sleep(Duration::from_secs(80)).await;
    assert_eq!(ctx.send(Beat { heart: 1 }).await.unwrap(), Beats(4));
    assert_eq!(watched.read().len(), 1);
    system.shutdown().await;
}

#[tokio::test]
async fn memory_keeps_so_many() {
    let (watched, _, system) = watched().await;
    let ctx = system.context();
    for heart in 0..200 {
        ctx.send(Beat { heart }).await.unwrap();
    }
    assert_eq!(watched.read().len(), 200);
    for heart in (0..200).rev() {
        assert_eq!(ctx.send(Beat { heart }).await.unwrap(), Beats(2));
    }
    let read = watched.read().len();
    assert!((184..200).contains(&read), "{read} of 200 were read again");
    system.shutdown().await;
}

/// The snapshot of an account, once it is made of so many events.
async fn snapshot(store: &Store, account: &str, version: u64) -> serde_json::Value {
    loop {
        let document = store.document("snapshot/account", account).await.unwrap();
        let snapshot = document.map(|it| serde_json::from_slice::<serde_json::Value>(&it).unwrap());
        match snapshot {
            Some(snapshot) if snapshot["version"] == version => return snapshot,
            _ => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn what_a_snapshot_has_is_not_read_again() {
    let (watched, store, system) = watched().await;
    let ctx = system.context();
    let account_id = || "a".to_owned();
    ctx.send(OpenAccount {
        account_id: account_id(),
    })
    .await
    .unwrap();
    ctx.send(Withdraw {
        account_id: account_id(),
        cents: 30,
    })
    .await
    .unwrap();
    let mut kept = snapshot(&store, "a", 3).await;
    assert_eq!(kept["state"], serde_json::json!({ "cents": 70 }));
    system.shutdown().await;
    watched.read();

    let system = started(&store).await;
    let withdraw = |cents| Withdraw {
        account_id: account_id(),
        cents,
    };
    let balance = system.context().send(withdraw(0)).await.unwrap();
    assert_eq!(balance, Balance(70));
    // The last event that it has, to see that it is there, and those behind it.
    assert_eq!(watched.read(), [("account/a".to_owned(), 3)]);
    snapshot(&store, "a", 5).await;
    system.shutdown().await;

    // What is in it counts, unless it is of another shape, cannot be read, or is gone: then all events are
    // read.
    let put = |content: Option<&serde_json::Value>| {
        store.change_documents(
            vec![DocumentChange {
                collection: "snapshot/account".into(),
                key: "a".into(),
                content: content.map(|it| it.to_string().into_bytes()),
            }],
            Vec::new(),
        )
    };
    kept["state"]["cents"] = 50.into();
    let (mut other, mut broken) = (kept.clone(), kept.clone());
    other["shape"] = 2.into();
    broken["state"] = "?".into();
    let cases = [
        (Some(&kept), 50, 3),
        (Some(&other), 70, 1),
        (Some(&broken), 70, 1),
        (None, 70, 1),
    ];
    for (content, cents, from) in cases {
        put(content).await.unwrap();
        let system = started(&store).await;
        let refused = system.context().send(withdraw(cents + 1)).await;
        assert!(refused.is_err());
        assert_eq!(watched.read(), [("account/a".to_owned(), from)]);
        if cents == 50 {
            assert_eq!(
                system.context().send(withdraw(0)).await.unwrap(),
                Balance(50)
            );
            snapshot(&store, "a", 7).await;
        }
        system.shutdown().await;
        watched.read();
    }
}

#[tokio::test]
async fn events_belong_to_the_commands_unit_of_work() {
    let (_, store, system) = watched().await;
    let (ctx, other) = (system.context(), system.context());
    let (mut own, mut others) = (ctx.subscribe::<Beaten>(), other.subscribe::<Beaten>());
    ctx.send(Beat { heart: 1 }).await.unwrap();
    assert!(own.next().await.is_some());
    let correlation = ctx.correlation_id().to_string();
    ctx.close().await.unwrap();
    other.close().await.unwrap();
    assert!(others.next().await.is_none());
    let recorded = store.read_all(Position::START, 9).await.unwrap();
    let metadata = &recorded[0].metadata;
    assert_eq!(metadata.correlation.as_deref(), Some(&*correlation));
    assert!(metadata.causation.is_some());
    system.shutdown().await;
}
