//! A float that is written down is read as itself, wherever it is kept: in events, snapshots, and the states
//! and commands of sagas, in any encoding and after a restart.

use std::sync::{Arc, Mutex};

use nether::eventstore::{Aggregates, Encoding, Sagas, Step, Store};
use nether::prelude::*;
use nether_tests::{bits, floats};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

const COUNT: usize = 2_000;

#[command(key = tank, reply = Levels)]
pub struct Fill {
    pub tank: u32,
    pub litres: Vec<f64>,
}

#[event(name = "tank.filled")]
pub struct Filled {
    pub tank: u32,
    pub litres: Vec<f64>,
}

#[derive(Debug)]
pub struct Levels(Vec<f64>);

impl From<&Tank> for Levels {
    fn from(tank: &Tank) -> Self {
        Levels(tank.litres.clone())
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Tank {
    litres: Vec<f64>,
}

// Every second event has a snapshot, so that an odd number of them is read from both.
#[aggregate(handles = Fill, events = Filled, name = "tank", snapshot_every = 2)]
impl Tank {
    fn fill(&self, fill: Fill) -> Filled {
        Filled {
            tank: fill.tank,
            litres: fill.litres,
        }
    }

    fn filled(&mut self, event: &Filled) {
        self.litres.extend(&event.litres);
    }
}

async fn levels(store: &Store, litres: Vec<f64>) -> Vec<f64> {
    let builder = System::builder().isolated().with::<Aggregates<Tank>>();
    let system = builder.provide(store.clone()).start().await.unwrap();
    let ctx = system.context();
    let Levels(levels) = ctx.send(Fill { tank: 1, litres }).await.unwrap();
    ctx.close().await.unwrap();
    system.shutdown().await;
    levels
}

#[tokio::test]
async fn events_and_snapshots_keep_every_float() {
    let written = floats(COUNT);
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let store = Store::memory().encoding(encoding);
        for part in written.chunks(COUNT / 4) {
            levels(&store, part.to_vec()).await;
        }
        // A new system has nothing in memory: it reads a snapshot, and the events behind it.
        let last = levels(&store, vec![0.5]).await;
        assert_eq!(bits(&last[..COUNT]), bits(&written), "{encoding:?}");
        let read = levels(&store, Vec::new()).await;
        assert_eq!(bits(&read[..COUNT]), bits(&written), "{encoding:?}");
    }
}

#[event(name = "leak.found")]
pub struct Found {
    pub id: u32,
    pub litres: Vec<f64>,
}

#[event(name = "leak.looked_at")]
pub struct LookedAt {
    pub id: u32,
}

#[command(name = "floats.measure")]
pub struct Measure(pub Vec<f64>);

#[derive(Default, Serialize, Deserialize)]
pub struct Leak {
    litres: Vec<f64>,
}

#[saga(key = id, handles = [Found, LookedAt], starts = [Found], ends = [LookedAt], sends = Measure)]
impl Leak {
    fn found(&mut self, event: &Found, step: &mut Step<Self>) {
        self.litres.clone_from(&event.litres);
        step.send(Measure(event.litres.clone()));
    }

    fn looked_at(&mut self, _: &LookedAt, step: &mut Step<Self>) {
        step.send(Measure(self.litres.clone()));
    }
}

/// What was measured, with each message. The first that comes waits for ever.
type Seen = Arc<(Mutex<Vec<Vec<f64>>>, Notify)>;

pub struct Gauge {
    seen: Resource<Seen>,
}

#[module(handles = Measure)]
impl Gauge {
    #[init]
    fn new(seen: Resource<Seen>) -> Self {
        Gauge { seen }
    }

    async fn measure(&self, Measure(litres): Measure) {
        let (seen, has_come) = &**self.seen;
        let count = {
            let mut seen = seen.lock().unwrap();
            seen.push(litres);
            seen.len()
        };
        has_come.notify_one();
        if count == 1 {
            std::future::pending().await
        }
    }
}

async fn leaks(store: &Store, seen: &Seen) -> System {
    let builder = System::builder().isolated();
    let builder = builder.with::<Sagas<Leak>>().with::<Gauge>();
    let builder = builder.provide(store.clone()).provide(Arc::clone(seen));
    builder.start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn sagas_keep_every_float_of_their_state_and_commands() {
    let (store, seen) = (Store::memory(), Seen::default());
    let litres = floats(COUNT);
    let system = leaks(&store, &seen).await;
    let found = Found {
        id: 1,
        litres: litres.clone(),
    };
    store.append_events("leaks/1", [found]).await.unwrap();
    seen.1.notified().await;
    // The command is cut off, and what is left of it is in the store.
    system.shutdown().await;
    let system = leaks(&store, &seen).await;
    store
        .append_events("leaks/1", [LookedAt { id: 1 }])
        .await
        .unwrap();
    store.saga::<Leak>().unwrap().settled().await.unwrap();
    system.shutdown().await;
    let seen = seen.0.lock().unwrap();
    assert_eq!(seen.len(), 3, "cut off, again, and of the state");
    for measured in seen.iter() {
        assert_eq!(bits(measured), bits(&litres));
    }
}
