//! The principal, as decisions know it and as it is stored: also for what a saga does later on its behalf.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use nether::eventstore::{
    Aggregates, CommandId, Direction, Facts, RecordedEvent, Sagas, Step, Store, StreamId,
    given_with,
};
use nether::prelude::*;
use nether::{Claim, Principal};
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, PartialEq)]
pub enum SeatError {
    #[error("nobody asks")]
    Nobody,
    #[error("it is held by another one")]
    Held,
}

#[command(name = "who.hold", key = seat, error = SeatError)]
pub struct Hold {
    pub seat: u32,
}

/// Only the saga sends it, whose role is not asked for.
#[command(name = "who.sell", key = seat, requires = "sales")]
pub struct Sell {
    pub seat: u32,
}

#[command(name = "who.release", key = seat, requires = "sales")]
pub struct Release {
    pub seat: u32,
}

#[event(name = "who.seat_held")]
pub struct SeatHeld {
    pub seat: u32,
    pub by: String,
    pub tenant: u32,
    pub at: u64,
    pub command: Option<String>,
}

#[event(name = "who.seat_sold")]
pub struct SeatSold {
    pub seat: u32,
    pub by: String,
    pub is_clerk: bool,
}

#[event(name = "who.seat_released")]
pub struct SeatReleased;

#[event(name = "who.paid")]
pub struct Paid {
    pub seat: u32,
}

#[event(name = "who.payment_failed")]
pub struct PaymentFailed {
    pub seat: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Tenant(u32);

impl Claim for Tenant {
    const NAME: &'static str = "tenant";
}

/// What a decision asks for besides.
#[derive(Debug, Clone, Default)]
pub struct Prices;

#[derive(Default)]
pub struct Seat {
    by: Option<String>,
}

#[aggregate(
    name = "seat",
    handles = [Hold, Sell, Release],
    events = [SeatHeld, SeatSold, SeatReleased]
)]
impl Seat {
    /// The facts stand before a resource.
    fn hold(
        &self,
        hold: Hold,
        facts: &Facts,
        _prices: Resource<Prices>,
    ) -> Result<SeatHeld, SeatError> {
        let principal = facts.principal().ok_or(SeatError::Nobody)?;
        if self.by.as_deref().is_some_and(|by| by != principal.id()) {
            return Err(SeatError::Held);
        }
        let since = facts.time().duration_since(UNIX_EPOCH);
        Ok(SeatHeld {
            seat: hold.seat,
            by: principal.id().to_owned(),
            tenant: facts.claim::<Tenant>().map_or(0, |tenant| tenant.0),
            at: since.expect("it is later than 1970").as_millis() as u64,
            command: facts.command_id().map(|id| id.to_string()),
        })
    }

    /// The facts stand behind a resource, and are waited with.
    async fn sell(&self, sell: Sell, _prices: Resource<Prices>, facts: &Facts) -> SeatSold {
        tokio::task::yield_now().await;
        let principal = facts.principal();
        SeatSold {
            seat: sell.seat,
            by: principal.map_or(String::new(), |it| it.id().to_owned()),
            is_clerk: principal.is_some_and(|it| it.has_role("clerk")),
        }
    }

    fn release(&self, _: Release) -> SeatReleased {
        SeatReleased
    }

    fn seat_held(&mut self, event: &SeatHeld) {
        self.by = Some(event.by.clone());
    }

    fn seat_sold(&mut self, _: &SeatSold) {}

    fn seat_released(&mut self, _: &SeatReleased) {
        self.by = None;
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Sale {
    seat: u32,
}

#[saga(
    name = "sale",
    from = "beginning",
    key = seat,
    handles = [SeatHeld, Paid, PaymentFailed],
    starts = [SeatHeld],
    sends = [Sell, Release]
)]
impl Sale {
    fn seat_held(&mut self, held: &SeatHeld, step: &mut Step<Self>) {
        self.seat = held.seat;
        step.on_failure(Release { seat: held.seat });
    }

    fn paid(&mut self, paid: &Paid, step: &mut Step<Self>) {
        step.send(Sell { seat: paid.seat });
        step.end();
    }

    fn payment_failed(&mut self, _: &PaymentFailed, step: &mut Step<Self>) {
        step.fail("it was not paid");
    }

    #[timeout("10m")]
    fn expired(&mut self, step: &mut Step<Self>) {
        step.send(Release { seat: self.seat });
        step.end();
    }
}

/// What a module sees that handles what a saga has caused.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Vec<(String, String)>>>);

struct Watcher(Seen);

#[module(handles = SeatSold, manual)]
impl Watcher {
    async fn sold(&self, _: &SeatSold, ctx: &Context<Self>) {
        let principal = ctx.principal().map_or("", Principal::id).to_owned();
        let seen = (principal, ctx.correlation_id().to_string());
        self.0.0.lock().unwrap().push(seen);
    }
}

async fn started(store: &Store) -> System {
    let builder = System::builder().isolated().with::<Sagas<Sale>>();
    let builder = builder.with::<Aggregates<Seat>>().provide(Prices);
    builder.provide(store.clone()).start().await.unwrap()
}

async fn events(store: &Store, seat: u32) -> Vec<RecordedEvent> {
    let stream = StreamId::new("seat", seat);
    let events = store.read_stream(&stream, 1, Direction::Forwards, 99).await;
    events.unwrap()
}

/// Holds a seat on behalf of Ann; gives back the correlation ID.
async fn hold(system: &System, seat: u32) -> String {
    let ann = Principal::new("ann")
        .with_role("clerk")
        .with_claim(Tenant(3));
    let ctx = system.context().with_principal(ann);
    ctx.send(Hold { seat }).await.unwrap();
    let id = ctx.correlation_id().to_string();
    ctx.close().await.unwrap();
    id
}

/// Checks on whose behalf an event happened, since when, and because of what.
fn check(event: &RecordedEvent, name: &str, correlation: &str, cause: &RecordedEvent) {
    let metadata = &event.metadata;
    assert_eq!(&*event.name, name);
    assert_eq!(metadata.principal.as_deref(), Some("ann"));
    assert_eq!(metadata.correlation.as_deref(), Some(correlation));
    assert_eq!(metadata.causation.as_deref(), Some(&*cause.id.to_string()));
    assert_eq!(metadata.entries.cause(), Some(cause.position));
}

#[tokio::test(start_paused = true)]
async fn a_decision_knows_who_asks_and_when_and_by_which_command() {
    let store = Store::memory();
    let system = started(&store).await;
    let nobody = system.context().send(Hold { seat: 1 }).await;
    assert!(matches!(nobody, Err(CallError::Handler(SeatError::Nobody))));
    let correlation = hold(&system, 1).await;
    let bob = system.context().with_principal("bob");
    let held = bob.send(Hold { seat: 1 }).await;
    assert!(matches!(held, Err(CallError::Handler(SeatError::Held))));

    let [event] = &events(&store, 1).await[..] else {
        panic!("one event is stored");
    };
    let held = event.read::<SeatHeld>().unwrap();
    assert_eq!((&*held.by, held.tenant, held.command), ("ann", 3, None));
    assert_eq!(held.at, event.metadata.time);
    // The ID alone is stored beside the event.
    assert_eq!(event.metadata.principal.as_deref(), Some("ann"));
    assert_eq!(event.metadata.correlation.as_deref(), Some(&*correlation));

    let id = CommandId::new(7);
    let ctx = system.context().with_principal("ann").with(id);
    ctx.send(Hold { seat: 2 }).await.unwrap();
    let held = events(&store, 2).await[0].read::<SeatHeld>().unwrap();
    assert_eq!(held.command, Some(id.to_string()));
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_saga_does_is_done_for_who_began_it_because_of_the_event_it_reacts_to() {
    let store = Store::memory();
    let system = started(&store).await;
    let seen = Seen::default();
    system.attach(Watcher(seen.clone())).await.unwrap();
    let saga = store.saga::<Sale>().unwrap();
    let sold = hold(&system, 1).await;
    let failed = hold(&system, 2).await;
    // No principal is named with what comes from outside.
    store
        .append_events("bank", [Paid { seat: 1 }])
        .await
        .unwrap();
    let of_bank = [PaymentFailed { seat: 2 }];
    store.append_events("bank", of_bank).await.unwrap();
    saga.settled().await.unwrap();
    let bank = StreamId::from("bank");
    let bank = store.read_stream(&bank, 1, Direction::Forwards, 9).await;
    let bank = bank.unwrap();

    let events_of_1 = events(&store, 1).await;
    check(&events_of_1[1], "who.seat_sold", &sold, &bank[0]);
    // Roles are not stored, so a decision does not see them later.
    let seat = events_of_1[1].read::<SeatSold>().unwrap();
    assert_eq!((&*seat.by, seat.is_clerk), ("ann", false));
    let events_of_2 = events(&store, 2).await;
    check(&events_of_2[1], "who.seat_released", &failed, &bank[1]);
    assert_eq!(*seen.0.lock().unwrap(), [("ann".to_owned(), sold)]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_time_out_of_a_saga_is_caused_by_the_event_it_counts_from_also_in_a_later_run() {
    let store = Store::memory();
    let system = started(&store).await;
    let correlation = hold(&system, 1).await;
    store.saga::<Sale>().unwrap().settled().await.unwrap();
    system.shutdown().await;

    let system = started(&store).await;
    // The time is paused.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    store.saga::<Sale>().unwrap().settled().await.unwrap();
    let events = events(&store, 1).await;
    check(&events[1], "who.seat_released", &correlation, &events[0]);
    system.shutdown().await;
}

#[test]
fn a_scenario_says_who_asks_and_when() {
    let time = UNIX_EPOCH + Duration::from_secs(5);
    let id = CommandId::new(7);
    let of_seat = || given_with::<Seat, _>((Resource::new(Prices), Resource::new(Prices)), ());
    let facts = Facts::new()
        .with_principal("ann")
        .at(time)
        .with_command_id(id);
    of_seat()
        .with_facts(facts)
        .when(Hold { seat: 1 })
        .then(SeatHeld {
            seat: 1,
            by: "ann".to_owned(),
            tenant: 0,
            at: 5000,
            command: Some(id.to_string()),
        });
    of_seat()
        .when(Hold { seat: 1 })
        .then_error(SeatError::Nobody);
}
