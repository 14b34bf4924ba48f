//! Commands of sagas that fail: those that may succeed later are sent again and shown, the others fail the
//! saga.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{Aggregates, SagaHandle, Sagas, Step, Store};
use nether::prelude::*;
use nether::{Interceptor, MessageInfo, Rejection};
use serde::{Deserialize, Serialize, Serializer};

#[event(name = "saga_commands.asked")]
pub struct JobAsked {
    pub job: u32,
}

/// Cannot be written down.
#[event(name = "saga_commands.counted")]
pub struct Counted {
    #[serde(serialize_with = "broken")]
    pub by_place: BTreeMap<u32, u32>,
}

/// A map whose keys are no texts.
fn broken<S: Serializer>(map: &BTreeMap<u32, u32>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.iter().map(|(key, value)| ((key, key), value)))
}

#[command(name = "saga_commands.count", key = place)]
pub struct Count {
    pub place: u32,
}

#[derive(Default)]
pub struct Inventory;

#[aggregate(handles = Count, events = Counted)]
impl Inventory {
    fn count(&self, _: Count) -> Counted {
        Counted {
            by_place: [(1, 1)].into(),
        }
    }

    fn counted(&mut self, _: &Counted) {}
}

#[command(name = "saga_commands.note")]
pub struct Note {
    pub job: u32,
}

#[command(name = "saga_commands.unnote")]
pub struct Unnote {
    pub job: u32,
}

#[command(name = "saga_commands.absent")]
pub struct Absent {
    pub job: u32,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Job {}

#[saga(key = job, handles = [JobAsked], starts = [JobAsked], sends = [Note, Unnote, Count, Absent])]
impl Job {
    fn asked(&mut self, event: &JobAsked, step: &mut Step<Self>) {
        let job = event.job;
        step.send(Note { job }).compensate_with(Unnote { job });
        if job == 1 {
            step.send(Count { place: 1 });
        } else {
            step.send(Absent { job });
        }
        if job == 3 {
            step.end();
        }
    }

    #[timeout("1h")]
    fn late(&mut self, step: &mut Step<Self>) {
        step.fail("not within an hour");
    }
}

type Notes = Arc<Mutex<Vec<String>>>;

pub struct Paper {
    notes: Notes,
}

#[module(handles = [Note, Unnote])]
impl Paper {
    #[init]
    fn new(notes: Resource<Notes>) -> Self {
        Paper {
            notes: Arc::clone(&notes),
        }
    }

    async fn note(&self, note: Note) {
        self.notes
            .lock()
            .unwrap()
            .push(format!("note {}", note.job));
    }

    async fn unnote(&self, unnote: Unnote) {
        let text = format!("unnote {}", unnote.job);
        self.notes.lock().unwrap().push(text);
    }
}

/// Handles what is absent at first.
pub struct Late;

#[module(handles = Absent, manual)]
impl Late {
    async fn absent(&mut self, _: Absent) {}
}

async fn started() -> (System, Store, SagaHandle<Job>, Notes) {
    started_from(System::builder()).await
}

async fn started_from(builder: SystemBuilder) -> (System, Store, SagaHandle<Job>, Notes) {
    let (store, notes) = (Store::memory(), Notes::default());
    let builder = builder
        .isolated()
        .with::<Sagas<Job>>()
        .with::<Aggregates<Inventory>>()
        .with::<Paper>()
        .provide(store.clone());
    let system = builder.provide(Arc::clone(&notes)).start().await.unwrap();
    let saga = store.saga().unwrap();
    (system, store, saga, notes)
}

/// Does not let a command through while it is closed.
#[derive(Clone)]
struct Barrier {
    command: &'static str,
    is_closed: Arc<AtomicBool>,
}

impl Interceptor for Barrier {
    fn before(&self, info: &MessageInfo<'_>) -> Result<(), Rejection> {
        if info.message() == self.command && self.is_closed.load(Ordering::SeqCst) {
            return Err(Rejection::new(503, "nothing is changed now"));
        }
        Ok(())
    }
}

fn barrier(command: &'static str) -> (SystemBuilder, Barrier) {
    let is_closed = Arc::new(AtomicBool::new(true));
    let barrier = Barrier { command, is_closed };
    (System::builder().intercept(barrier.clone()), barrier)
}

async fn ask(store: &Store, job: u32) {
    let asked = [JobAsked { job }];
    store.append_events("job/1", asked).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_command_that_can_never_succeed_fails_the_saga() {
    let (system, store, saga, notes) = started().await;
    ask(&store, 1).await;
    saga.settled().await.unwrap();
    assert_eq!(*notes.lock().unwrap(), ["note 1", "unnote 1"]);
    assert!(saga.active().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_sent_again_is_shown_and_given_up_when_the_saga_fails() {
    let (system, store, saga, notes) = started().await;
    ask(&store, 2).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let active = saga.active();
    let repeated = active[0].repeated.as_ref().unwrap();
    assert!(repeated.command.ends_with("absent"), "{repeated:?}");
    assert!(repeated.failed > 5 && repeated.since > 0, "{repeated:?}");
    assert!(repeated.error.contains("absent"), "{repeated:?}");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    saga.settled().await.unwrap();
    assert_eq!(*notes.lock().unwrap(), ["note 2", "unnote 2"]);
    assert!(saga.active().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_is_sent_again_until_it_is_handled() {
    let (system, store, saga, notes) = started().await;
    ask(&store, 2).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let _late = system.attach(Late).await.unwrap();
    saga.settled().await.unwrap();
    assert_eq!(saga.active()[0].repeated, None, "it was handled");
    assert_eq!(*notes.lock().unwrap(), ["note 2"]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_saga_that_ends_and_whose_command_is_never_handled_is_ended_by_hand() {
    let (system, store, saga, notes) = started().await;
    ask(&store, 3).await;
    tokio::time::sleep(Duration::from_secs(7200)).await;
    assert!(saga.active()[0].repeated.is_some());
    assert!(saga.end("3").await.unwrap());
    saga.settled().await.unwrap();
    assert!(saga.active().is_empty());
    assert_eq!(*notes.lock().unwrap(), ["note 3"]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_compensation_that_an_interceptor_rejects_is_shown_and_sent_again_until_it_is_let_through()
 {
    let (builder, barrier) = barrier("saga_commands.unnote");
    let (system, store, saga, notes) = started_from(builder).await;
    ask(&store, 1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let active = saga.active();
    let repeated = active[0].repeated.as_ref().unwrap();
    assert!(repeated.command.ends_with("unnote"), "{repeated:?}");
    assert!(repeated.failed > 5, "{repeated:?}");
    assert!(
        repeated.error.contains("nothing is changed now"),
        "{repeated:?}"
    );
    assert_eq!(*notes.lock().unwrap(), ["note 1"]);
    barrier.is_closed.store(false, Ordering::SeqCst);
    saga.settled().await.unwrap();
    assert_eq!(*notes.lock().unwrap(), ["note 1", "unnote 1"]);
    assert!(saga.active().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_step_that_an_interceptor_rejects_fails_the_saga() {
    let (builder, _barrier) = barrier("saga_commands.note");
    let (system, store, saga, notes) = started_from(builder).await;
    ask(&store, 1).await;
    saga.settled().await.unwrap();
    assert!(notes.lock().unwrap().is_empty());
    assert!(saga.active().is_empty());
    system.shutdown().await;
}
