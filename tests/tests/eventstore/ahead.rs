//! What is ahead of the events of a store, because some of them were lost: a checkpoint, a snapshot. Neither
//! is used as if nothing had happened.

use std::time::Duration;

use nether::eventstore::{Aggregates, DocumentChange, Projections, Sagas, Store};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[command(key = tower, reply = Floors)]
pub struct Build {
    pub tower: u32,
    pub floors: u32,
}

#[event(name = "ahead.built")]
pub struct WasBuilt {
    pub floors: u32,
}

#[derive(Debug, PartialEq)]
pub struct Floors(u32);

#[derive(Default, Serialize, Deserialize)]
pub struct Tower {
    floors: u32,
}

#[aggregate(handles = [Build], events = [WasBuilt], snapshot_every = 100)]
impl Tower {
    fn build(&self, build: Build) -> Option<WasBuilt> {
        let floors = build.floors;
        (floors > 0).then_some(WasBuilt { floors })
    }

    fn was_built(&mut self, event: &WasBuilt) {
        self.floors += event.floors;
    }
}

impl From<&Tower> for Floors {
    fn from(tower: &Tower) -> Self {
        Floors(tower.floors)
    }
}

#[derive(Default)]
pub struct Skyline {
    floors: u32,
}

#[query(reply = u32)]
pub struct Height;

#[projection(handles = [WasBuilt, Height], durable)]
impl Skyline {
    fn was_built(&mut self, event: &WasBuilt) {
        self.floors += event.floors;
    }

    fn height(&self, _: Height) -> u32 {
        self.floors
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Scaffolding {}

#[saga(key = floors, handles = [WasBuilt], starts = [WasBuilt], from = "beginning", sends = [])]
impl Scaffolding {
    fn was_built(&mut self, _: &WasBuilt) {}
}

async fn started(store: &Store) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Tower>>()
        .with::<Sagas<Scaffolding>>()
        .with::<Projections<Skyline>>();
    builder.provide(store.clone()).start().await.unwrap()
}

async fn put(store: &Store, collection: &str, key: &str, content: Option<&str>) {
    let change = DocumentChange {
        collection: collection.into(),
        key: key.into(),
        content: content.map(|text| text.as_bytes().to_vec()),
    };
    store
        .change_documents(vec![change], Vec::new())
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_ahead_of_the_newest_event_is_an_error_and_nothing_is_passed_over() {
    let store = Store::memory();
    store
        .append_events("tower/1", [WasBuilt { floors: 2 }])
        .await
        .unwrap();
    put(&store, "checkpoint", "skyline", Some("999999")).await;
    let system = started(&store).await;
    let projection = store.projection::<Skyline>().unwrap();
    let caught_up = tokio::time::timeout(Duration::from_secs(60), projection.caught_up()).await;
    assert!(!matches!(caught_up, Ok(Ok(()))), "it has not seen them");
    store
        .append_events("tower/1", [WasBuilt { floors: 3 }])
        .await
        .unwrap();
    system.shutdown().await;
    drop((projection, system));
    // The way out that the error names.
    put(&store, "checkpoint", "skyline", None).await;
    let system = started(&store).await;
    store
        .projection::<Skyline>()
        .unwrap()
        .caught_up()
        .await
        .unwrap();
    assert_eq!(system.context().ask(Height).await.unwrap(), 5);
    system.shutdown().await;
}

#[tokio::test]
async fn a_snapshot_ahead_of_its_stream_is_not_used() {
    for events in 0..3 {
        let store = Store::memory();
        for _ in 0..events {
            store
                .append_events("tower/1", [WasBuilt { floors: 1 }])
                .await
                .unwrap();
        }
        let snapshot = r#"{"version":3,"shape":1,"state":{"floors":70}}"#;
        put(&store, "snapshot/tower", "1", Some(snapshot)).await;
        let system = started(&store).await;
        let ctx = system.context();
        let build = |floors| ctx.send(Build { tower: 1, floors });
        assert_eq!(build(0).await.unwrap(), Floors(events));
        assert_eq!(build(4).await.unwrap(), Floors(events + 4));
        system.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_noted_beside_a_checkpoint_and_is_ahead_of_the_newest_event_is_an_error() {
    let parked = r#"{"key":"tower/1","position":70,"error":"a bug"}"#;
    let noted = [
        ("checkpoint_ahead", "skyline", "[1,70]"),
        ("parked/skyline", "tower/1", parked),
        ("saga_held/scaffolding", "70", "1"),
    ];
    for (collection, key, content) in noted {
        let store = Store::memory();
        let built = [WasBuilt { floors: 2 }];
        store.append_events("tower/1", built).await.unwrap();
        put(&store, collection, key, Some(content)).await;
        let system = started(&store).await;
        let waited = Duration::from_secs(60);
        let caught_up = async {
            if collection.starts_with("saga") {
                store.saga::<Scaffolding>().unwrap().settled().await
            } else {
                store.projection::<Skyline>().unwrap().caught_up().await
            }
        };
        let caught_up = tokio::time::timeout(waited, caught_up).await;
        let error = caught_up.unwrap().unwrap_err();
        assert!(error.to_string().contains(collection), "{error}");
        system.shutdown().await;
        // The way out.
        put(&store, collection, key, None).await;
        let system = started(&store).await;
        let skyline = store.projection::<Skyline>().unwrap();
        skyline.caught_up().await.unwrap();
        let scaffolding = store.saga::<Scaffolding>().unwrap();
        scaffolding.settled().await.unwrap();
        system.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_beginning_ahead_of_the_newest_event_is_an_error_also_without_a_checkpoint() {
    let definition = |behind: u64| {
        format!(r#"{{"version":1,"handles":["ahead.built"],"began_behind":{behind}}}"#)
    };
    for checkpoint in [None, Some("1"), Some("1000")] {
        let store = Store::memory();
        let built = [WasBuilt { floors: 2 }];
        store.append_events("tower/1", built).await.unwrap();
        put(&store, "definition", "skyline", Some(&definition(1000))).await;
        put(&store, "checkpoint", "skyline", checkpoint).await;
        let system = started(&store).await;
        let projection = store.projection::<Skyline>().unwrap();
        let caught_up = tokio::time::timeout(Duration::from_secs(60), projection.caught_up());
        let error = caught_up.await.unwrap().unwrap_err().to_string();
        for part in [
            "the newest event is at 1",
            "the document `skyline` of `checkpoint`",
            "`began_behind` in the document `skyline` of `definition`",
            "again from where it began",
        ] {
            assert!(error.contains(part), "{error}");
        }
        system.shutdown().await;
        drop((projection, system));
        // The way out that the error names.
        put(&store, "definition", "skyline", Some(&definition(1))).await;
        put(&store, "checkpoint", "skyline", None).await;
        let system = started(&store).await;
        let built = [WasBuilt { floors: 3 }];
        store.append_events("tower/1", built).await.unwrap();
        let projection = store.projection::<Skyline>().unwrap();
        projection.caught_up().await.unwrap();
        assert_eq!(system.context().ask(Height).await.unwrap(), 3);
        system.shutdown().await;
    }
}
