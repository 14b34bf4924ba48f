//! Rebuilds that fail, or come while a projection still catches up; and orders beside automatic retries.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use nether::eventstore::{Position, Projections, Store};
use nether::prelude::*;
use tokio::time::{sleep, timeout};

#[event(name = "rebuilding.paid")]
pub struct Paid {
    pub amount: u32,
}

#[query(reply = u32)]
pub struct Balance;

/// The balance in another database.
static ELSEWHERE: AtomicU32 = AtomicU32::new(0);

pub struct Elsewhere;

#[projection(handles = [Paid], durable, retry = 0)]
impl Elsewhere {
    #[init]
    fn new() -> Self {
        Elsewhere
    }

    fn paid(&mut self, event: &Paid) -> nether::Result<()> {
        if event.amount == 0 {
            return Err(nether::Error::msg("nothing was paid"));
        }
        ELSEWHERE.fetch_add(event.amount, Ordering::SeqCst);
        Ok(())
    }

    #[on_rebuild]
    fn clear(&mut self) -> nether::Result<()> {
        Err(nether::Error::msg("the other database is away"))
    }
}

#[derive(Default)]
pub struct Slowly {
    sum: u32,
}

#[projection(handles = [Paid, Balance])]
impl Slowly {
    async fn paid(&mut self, event: &Paid) {
        tokio::task::yield_now().await;
        self.sum += event.amount;
    }

    fn balance(&self, _: Balance) -> u32 {
        self.sum
    }
}

static HAS_BUG: AtomicBool = AtomicBool::new(true);

#[derive(Default)]
pub struct Patient;

/// As often as can be said.
#[projection(handles = [Paid], durable, retry = 100)]
impl Patient {
    fn paid(&mut self, _: &Paid) -> nether::Result<()> {
        match HAS_BUG.load(Ordering::SeqCst) {
            true => Err(nether::Error::msg("a bug")),
            false => Ok(()),
        }
    }
}

async fn pay(store: &Store, amounts: impl IntoIterator<Item = u32>) {
    let paid: Vec<_> = amounts.into_iter().map(|amount| Paid { amount }).collect();
    store.append_events("account/1", paid).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_whose_hook_fails_leaves_the_projection_where_it_was() {
    let store = Store::memory();
    pay(&store, 1..=10).await;
    store
        .append_events("account/2", [0, 5].map(|amount| Paid { amount }))
        .await
        .unwrap();
    let start = || {
        let builder = System::builder()
            .isolated()
            .with::<Projections<Elsewhere>>();
        builder.provide(store.clone()).start()
    };
    let system = start().await.unwrap();
    let projection = store.projection::<Elsewhere>().unwrap();
    projection.caught_up().await.unwrap();
    let (position, parked) = (projection.position(), projection.parked());
    assert_eq!(parked.len(), 1);
    let error = projection.rebuild().await.unwrap_err();
    assert!(error.to_string().contains("is away"), "{error}");
    pay(&store, [100]).await;
    projection.caught_up().await.unwrap();
    assert_eq!(projection.position(), Position(position.0 + 1));
    system.shutdown().await;
    // And so it is in the store.
    let system = start().await.unwrap();
    let projection = store.projection::<Elsewhere>().unwrap();
    projection.caught_up().await.unwrap();
    assert_eq!(projection.parked(), parked);
    assert_eq!(ELSEWHERE.load(Ordering::SeqCst), 155);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn queries_are_answered_after_a_rebuild_during_the_first_catching_up() {
    let store = Store::memory();
    pay(&store, vec![1; 5000]).await;
    let builder = System::builder().isolated().with::<Projections<Slowly>>();
    let system = builder.provide(store.clone()).start().await.unwrap();
    let slowly = store.projection::<Slowly>().unwrap();
    assert!(slowly.position() < Position(5000));
    slowly.rebuild().await.unwrap();
    let ctx = system.context();
    let asked = timeout(Duration::from_secs(3), ctx.ask(Balance)).await;
    assert_eq!(asked.unwrap().unwrap(), 5000);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_ends_no_automatic_retry_of_others_and_a_skip_sets_no_position_back() {
    let store = Store::memory();
    let builder = System::builder().isolated().with::<Projections<Patient>>();
    let system = builder.provide(store.clone()).start().await.unwrap();
    let patient = store.projection::<Patient>().unwrap();
    pay(&store, [1, 1]).await;
    store
        .append_events("account/2", [Paid { amount: 2 }])
        .await
        .unwrap();
    sleep(Duration::from_secs(1)).await;
    patient.retry_parked("account/1").await.unwrap_err();
    assert_eq!(patient.parked().len(), 1, "it is parked for good");
    // The other one is tried by itself still.
    patient.retry_all_parked().await.unwrap_err();
    assert_eq!(patient.parked().len(), 1);
    assert_eq!(patient.position(), Position(2));
    // The event behind it is tried by itself from now on.
    assert!(patient.skip_parked("account/1").await.unwrap());
    assert_eq!(patient.parked().len(), 0);
    assert_eq!(patient.position(), Position(2));
    HAS_BUG.store(false, Ordering::SeqCst);
    patient.caught_up().await.unwrap();
    assert_eq!(patient.position(), Position(3));
    assert!(patient.parked().is_empty());
    system.shutdown().await;
}
