//! What is written can be read: before anything is acknowledged, it is read again, and what was read counts.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use nether::CallError;
use nether::eventstore::{
    Aggregates, Encoding, Position, Projections, Sagas, Step, Store, StoreError, given,
};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[event(name = "readable.measured")]
pub struct Measured {
    pub celsius: f64,
}

/// Leaves out an empty list, and does not read it as one.
#[event(name = "readable.tagged")]
pub struct Tagged {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// Read as another value than it was written.
#[event(name = "readable.noted")]
pub struct Noted {
    #[serde(skip_serializing)]
    #[serde(default)]
    pub secret: String,
    pub text: String,
}

#[command(key = probe, reply = ProbeState)]
pub struct Measure {
    pub probe: u32,
    pub volts: f64,
    pub ohms: f64,
}

#[command(key = probe, reply = ProbeState)]
pub struct Tag {
    pub probe: u32,
    pub tags: Vec<String>,
}

#[command(key = probe, reply = ProbeState)]
pub struct Note {
    pub probe: u32,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProbeState {
    events: u32,
    secrets: String,
}

#[derive(Default)]
pub struct Probe(ProbeState);

#[aggregate(handles = [Measure, Tag, Note], events = [Measured, Tagged, Noted])]
impl Probe {
    fn measure(&self, measure: Measure) -> Measured {
        Measured {
            celsius: measure.volts / measure.ohms,
        }
    }

    fn tag(&self, tag: Tag) -> Tagged {
        Tagged { tags: tag.tags }
    }

    fn note(&self, _: Note) -> Noted {
        Noted {
            secret: "word".to_owned(),
            text: "x".to_owned(),
        }
    }

    fn measured(&mut self, _: &Measured) {
        self.0.events += 1;
    }

    fn tagged(&mut self, _: &Tagged) {
        self.0.events += 1;
    }

    fn noted(&mut self, event: &Noted) {
        self.0.events += 1;
        self.0.secrets.push_str(&event.secret);
    }
}

impl From<&Probe> for ProbeState {
    fn from(probe: &Probe) -> Self {
        probe.0.clone()
    }
}

fn measure(volts: f64, ohms: f64) -> Measure {
    let probe = 1;
    Measure { probe, volts, ohms }
}

async fn started(store: &Store) -> System {
    let builder = System::builder().isolated().with::<Aggregates<Probe>>();
    builder.provide(store.clone()).start().await.unwrap()
}

/// Why the store did not take it.
fn refusal<E: Debug>(error: CallError<E>) -> String {
    let CallError::Unavailable(unavailable) = error else {
        panic!("{error:?}");
    };
    let source = std::error::Error::source(&*unavailable).unwrap();
    let refused = source.downcast_ref::<StoreError>().unwrap();
    assert!(matches!(refused, StoreError::Codec { .. }), "{refused}");
    refused.to_string()
}

#[tokio::test]
async fn what_could_not_be_read_again_is_not_stored_and_the_field_is_named() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let store = Store::memory().encoding(encoding);
        let system = started(&store).await;
        let ctx = system.context();
        assert_eq!(ctx.send(measure(1.0, 2.0)).await.unwrap().events, 1);
        for (volts, what) in [(0.0, "NaN"), (1.0, "inf"), (-1.0, "-inf")] {
            let text = refusal(ctx.send(measure(volts, 0.0)).await.unwrap_err());
            assert!(text.contains(&format!("`celsius` is {what}")), "{text}");
        }
        let tag = |tags| Tag { probe: 1, tags };
        let text = refusal(ctx.send(tag(Vec::new())).await.unwrap_err());
        assert!(text.contains("missing field `tags`"), "{text}");
        assert_eq!(
            store.head().await.unwrap(),
            Position(1),
            "nothing is stored"
        );
        let state = ctx.send(tag(vec!["a".to_owned()])).await.unwrap();
        assert_eq!(state.events, 2, "and the state is as it was");
        let direct = store.append_events("probe/1", [Measured { celsius: f64::NAN }]);
        let text = direct.await.unwrap_err().to_string();
        assert!(text.contains("`celsius` is NaN"), "{text}");
        ctx.close().await.unwrap();
        system.shutdown().await;
        // It can be read by a program that has nothing in memory.
        let system = started(&store).await;
        let state = system.context().send(measure(1.0, 1.0)).await.unwrap();
        assert_eq!(state.events, 3);
        system.shutdown().await;
    }
}

#[tokio::test]
async fn what_was_read_again_is_evolved_and_published() {
    let store = Store::memory();
    let system = started(&store).await;
    let mut noted = system.subscribe::<Noted>();
    for events in 1..=2 {
        let state = system.context().send(Note { probe: 1 }).await.unwrap();
        let secrets = String::new();
        assert_eq!(state, ProbeState { events, secrets });
    }
    assert_eq!(noted.next().await.unwrap().secret, "");
    system.shutdown().await;
    let state = given::<Probe, _>(()).when(Note { probe: 1 });
    let secret = String::new();
    let text = "x".to_owned();
    assert_eq!(state.then(Noted { secret, text }).0.secrets, "");
}

#[test]
#[should_panic(expected = "missing field `tags`")]
fn a_scenario_does_not_accept_an_event_that_could_not_be_read_again() {
    let tags = Vec::new();
    let _ = given::<Probe, _>(()).when(Tag { probe: 1, tags });
}

#[event(name = "readable.heard")]
pub struct Heard {
    pub watch: u32,
    pub level: f64,
}

#[command(name = "readable.alarm")]
pub struct Alarm {
    pub level: f64,
}

/// The lowest and the last level.
#[derive(Serialize, Deserialize)]
pub struct Watch {
    lowest: f64,
}

impl Default for Watch {
    fn default() -> Self {
        Watch { lowest: 1e9 }
    }
}

#[saga(key = watch, handles = [Heard], starts = [Heard], sends = [Alarm], retry = 0)]
impl Watch {
    fn heard(&mut self, event: &Heard, step: &mut Step<Self>) {
        match event.level {
            0.0 => self.lowest = f64::INFINITY,
            1.0 => {
                step.send(Alarm { level: f64::NAN });
            }
            level => self.lowest = self.lowest.min(level),
        }
    }
}

#[derive(Default)]
pub struct Bell;

#[module(handles = [Alarm])]
impl Bell {
    async fn alarm(&self, _: Alarm) {}
}

#[tokio::test]
async fn what_a_saga_cannot_read_again_is_parked() {
    let store = Store::memory();
    let builder = System::builder().isolated().with::<Sagas<Watch>>();
    let builder = builder.with::<Bell>().provide(store.clone());
    let system = builder.start().await.unwrap();
    for (watch, level) in [(1, 5.0), (1, 0.0), (2, 1.0), (3, 7.0)] {
        let heard = [Heard { watch, level }];
        store.append_events("a/1", heard).await.unwrap();
    }
    let sagas = store.saga::<Watch>().unwrap();
    sagas.settled().await.unwrap();
    let parked = sagas.parked();
    let errors: Vec<_> = parked.iter().map(|it| (&*it.key, &*it.error)).collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].1.contains("`lowest` is inf"), "{errors:?}");
    assert!(errors[1].1.contains("`level` is NaN"), "{errors:?}");
    assert_eq!(sagas.active().len(), 2, "as they were before that event");
    system.shutdown().await;
}

#[event(name = "readable.paid")]
pub struct Paid {
    pub wei: u128,
    pub back: i128,
}

#[command(name = "readable.pay", key = wallet, reply = Sum)]
pub struct Pay {
    pub wallet: u32,
    pub wei: u128,
}

#[derive(Debug, PartialEq)]
pub struct Sum(u128, i128);

#[derive(Default, Serialize, Deserialize)]
pub struct Wallet {
    wei: u128,
    back: i128,
    /// Not what can be read, if it is so.
    ratio: f64,
}

#[aggregate(handles = [Pay], events = [Paid], snapshot_every = 1)]
impl Wallet {
    fn pay(&self, pay: Pay) -> Option<Paid> {
        let back = i128::MIN + 1;
        (pay.wei > 0).then_some(Paid { wei: pay.wei, back })
    }

    fn paid(&mut self, event: &Paid) {
        self.wei += event.wei;
        self.back = event.back;
        if event.wei == 7 {
            self.ratio = f64::NAN;
        }
    }
}

impl From<&Wallet> for Sum {
    fn from(wallet: &Wallet) -> Self {
        Sum(wallet.wei, wallet.back)
    }
}

/// Passes on what was paid.
#[derive(Default, Serialize, Deserialize)]
pub struct Forward {
    all: u128,
}

#[saga(key = wei, handles = [Paid], starts = [Paid], sends = [Tell])]
impl Forward {
    fn paid(&mut self, event: &Paid, step: &mut Step<Self>) {
        self.all += event.wei;
        step.send(Tell { wei: event.wei });
    }
}

#[command(name = "readable.tell")]
pub struct Tell {
    pub wei: u128,
}

pub struct Told(Mutex<Vec<u128>>);

pub struct Teller {
    told: Resource<Arc<Told>>,
}

#[module(handles = [Tell])]
impl Teller {
    #[init]
    fn new(told: Resource<Arc<Told>>) -> Self {
        Teller { told }
    }

    async fn tell(&self, tell: Tell) {
        self.told.0.lock().unwrap().push(tell.wei);
    }
}

async fn paying(store: &Store, told: &Arc<Told>) -> System {
    let builder = System::builder().isolated().with::<Aggregates<Wallet>>();
    let builder = builder.with::<Sagas<Forward>>().with::<Teller>();
    let builder = builder.provide(store.clone()).provide(Arc::clone(told));
    builder.start().await.unwrap()
}

fn pay(wei: u128) -> Pay {
    Pay { wallet: 1, wei }
}

#[tokio::test]
async fn integers_of_128_bits_are_kept() {
    let most = u128::MAX / 2;
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let store = Store::memory().encoding(encoding);
        let told = Arc::new(Told(Mutex::default()));
        let system = paying(&store, &told).await;
        system.context().send(pay(most)).await.unwrap();
        store.saga::<Forward>().unwrap().settled().await.unwrap();
        system.shutdown().await;
        assert_eq!(*told.0.lock().unwrap(), [most]);
        let snapshot = store.document("snapshot/wallet", "1").await.unwrap();
        let snapshot = String::from_utf8(snapshot.unwrap()).unwrap();
        assert!(snapshot.contains(&most.to_string()), "{snapshot}");
        let system = paying(&store, &told).await;
        let sum = system.context().send(pay(0)).await.unwrap();
        assert_eq!(sum, Sum(most, i128::MIN + 1));
        assert_eq!(store.saga::<Forward>().unwrap().parked(), []);
        system.shutdown().await;
    }
}

#[tokio::test]
async fn a_snapshot_that_could_not_be_read_again_is_not_made() {
    let store = Store::memory();
    let told = Arc::new(Told(Mutex::default()));
    let system = paying(&store, &told).await;
    system.context().send(pay(7)).await.unwrap();
    system.shutdown().await;
    let snapshot = store.document("snapshot/wallet", "1").await.unwrap();
    assert_eq!(snapshot, None);
    let system = paying(&store, &told).await;
    let sum = system.context().send(pay(0)).await.unwrap();
    assert_eq!(sum.0, 7);
    system.shutdown().await;
}

/// What is in the file is read by projections as it is by aggregates.
#[tokio::test]
async fn projections_read_what_aggregates_have_written() {
    let store = Store::memory();
    let builder = System::builder().isolated().with::<Aggregates<Probe>>();
    let builder = builder.with::<Projections<Levels>>().provide(store.clone());
    let system = builder.start().await.unwrap();
    let ctx = system.context();
    for (volts, ohms) in [(1.0, 2.0), (0.0, 0.0), (3.0, 4.0)] {
        let _ = ctx.send(measure(volts, ohms)).await;
    }
    let levels = store.projection::<Levels>().unwrap();
    levels.caught_up().await.unwrap();
    assert_eq!(ctx.ask(HowMany).await.unwrap(), 2);
    assert_eq!(levels.parked(), []);
    system.shutdown().await;
}

#[query(reply = usize)]
pub struct HowMany;

#[derive(Default)]
pub struct Levels(usize);

#[projection(handles = [Measured, HowMany])]
impl Levels {
    fn measured(&mut self, _: &Measured) {
        self.0 += 1;
    }

    fn how_many(&self, _: HowMany) -> usize {
        self.0
    }
}
