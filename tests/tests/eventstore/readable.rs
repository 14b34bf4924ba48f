//! What is written can be read: before anything is acknowledged, it is read again, and what was read counts.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use nether::CallError;
use nether::eventstore::{
    Aggregates, Encoding, Position, Projections, Sagas, Step, Store, StoreError, StoredEvent, given,
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

#[derive(Debug, Clone, PartialEq)]
pub struct ProbeState {
    events: u32,
    secrets: String,
}

#[derive(Default)]
pub struct Probe(ProbeState);

impl Default for ProbeState {
    fn default() -> Self {
        ProbeState {
            events: 0,
            secrets: String::new(),
        }
    }
}

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

#[saga(key = watch, handles = [Heard], starts = [Heard], sends = [Alarm], retries = 0)]
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

/// Shapes that serde has.
mod shapes {
    use super::{BTreeMap, Deserialize, Serialize};

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Named {
        Unit,
        New(f64),
        Tuple(u8, Option<i128>),
        Struct { a: Option<String>, b: Vec<u64> },
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    pub enum Inside {
        Unit,
        Struct { a: f64, b: Option<u8> },
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "of")]
    pub enum Beside {
        Unit,
        New(u128),
        Tuple(i8, f32),
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    pub enum Either {
        Number(u64),
        Float(f64),
        Text(String),
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub struct Renamed {
        #[serde(rename = "another")]
        pub a_name: u8,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub left_out: Option<f64>,
        #[serde(flatten)]
        pub rest: BTreeMap<String, i64>,
    }
}

#[event(name = "readable.shaped")]
#[derive(PartialEq)]
pub struct Shaped {
    pub named: shapes::Named,
    pub inside: shapes::Inside,
    pub beside: shapes::Beside,
    pub either: shapes::Either,
    pub renamed: shapes::Renamed,
    pub nested: Option<Option<u8>>,
    pub wide: (u128, i128),
    pub by_number: BTreeMap<i64, f64>,
    pub text: String,
    pub bytes: Vec<u8>,
}

/// Values drawn from all shapes.
struct Drawn(fastrand::Rng);

impl Drawn {
    fn float(&mut self) -> f64 {
        match self.0.u8(0..12) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -0.0,
            _ => f64::from_bits(self.0.u64(..)),
        }
    }

    fn option<T>(&mut self, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.0.bool().then(|| some(self))
    }

    fn text(&mut self) -> String {
        let length = self.0.usize(0..6);
        (0..length).map(|_| self.0.char(..)).collect()
    }

    fn named(&mut self) -> shapes::Named {
        match self.0.u8(0..4) {
            0 => shapes::Named::Unit,
            1 => shapes::Named::New(self.float()),
            2 => shapes::Named::Tuple(self.0.u8(..), self.option(|it| it.0.i128(..))),
            _ => shapes::Named::Struct {
                a: self.option(Drawn::text),
                b: vec![self.0.u64(..)],
            },
        }
    }

    fn inside(&mut self) -> shapes::Inside {
        match self.0.bool() {
            true => shapes::Inside::Unit,
            false => shapes::Inside::Struct {
                a: self.float(),
                b: self.option(|it| it.0.u8(..)),
            },
        }
    }

    fn beside(&mut self) -> shapes::Beside {
        match self.0.u8(0..3) {
            0 => shapes::Beside::Unit,
            1 => shapes::Beside::New(self.0.u128(..)),
            _ => shapes::Beside::Tuple(self.0.i8(..), self.0.f32()),
        }
    }

    fn either(&mut self) -> shapes::Either {
        match self.0.u8(0..3) {
            0 => shapes::Either::Number(self.0.u64(..)),
            1 => shapes::Either::Float(self.float()),
            _ => shapes::Either::Text(self.text()),
        }
    }

    fn shaped(&mut self) -> Shaped {
        Shaped {
            named: self.named(),
            inside: self.inside(),
            beside: self.beside(),
            either: self.either(),
            renamed: shapes::Renamed {
                a_name: self.0.u8(..),
                left_out: self.option(Drawn::float),
                rest: [(format!("x{}", self.text()), self.0.i64(..))].into(),
            },
            nested: self.option(|it| it.option(|it| it.0.u8(..))),
            wide: (self.0.u128(..), self.0.i128(..)),
            by_number: [(self.0.i64(..), self.float())].into(),
            text: self.text(),
            bytes: vec![self.0.u8(..)],
        }
    }
}

/// Whether a value holds a float that is not finite, by what it says of itself.
fn is_finite(shaped: &Shaped) -> bool {
    let text = format!("{shaped:?}");
    let words = text.split(|it: char| !it.is_alphanumeric());
    !words.into_iter().any(|word| matches!(word, "NaN" | "inf"))
}

async fn stored<E: StoredEvent>(store: &Store, event: E) -> Result<E, StoreError> {
    let appended = store.append_events("a/1", [event]).await?;
    let before = Position(appended.position.0 - 1);
    let read = store.read_all(before, 1).await.unwrap();
    Ok(read[0].read::<E>().expect("what is stored can be read"))
}

#[tokio::test]
async fn values_of_all_shapes_come_back_as_they_were_or_are_refused() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let store = Store::memory().encoding(encoding);
        let (mut drawn, mut refused) = (Drawn(fastrand::Rng::with_seed(7)), 0);
        for _ in 0..2_000 {
            let shaped = drawn.shaped();
            let (is_finite, text) = (is_finite(&shaped), format!("{shaped:?}"));
            match stored(&store, shaped).await {
                // What was read counts: of an option of none, that there is none.
                Ok(read) => {
                    assert!(is_finite, "{text}");
                    let text = text.replace("nested: Some(None)", "nested: None");
                    let read = format!("{read:?}").replace("nested: Some(None)", "nested: None");
                    assert_eq!(read, text);
                }
                Err(error) => {
                    refused += 1;
                    assert!(!is_finite, "{text}: {error}");
                }
            }
        }
        assert!((200..1_800).contains(&refused), "{refused}");
    }
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
