//! Tests of event-sourced programs: virtual time beside a store on a disk, and commands that nothing answers.

use std::future::pending;
use std::time::Duration;

use nether::eventstore::{Aggregates, Sagas, Step, Store};
use nether::prelude::*;
use nether::{SystemBuilder, TestSystem};
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use tokio::time::Instant;

#[command(name = "testing.reserve", key = seat)]
pub struct Reserve {
    pub seat: u32,
}

#[command(name = "testing.release", key = seat)]
pub struct Release {
    pub seat: u32,
}

#[event(name = "testing.reserved")]
pub struct Reserved {
    pub seat: u32,
}

#[event(name = "testing.released")]
pub struct Released {
    pub seat: u32,
}

#[derive(Default)]
pub struct Seat {
    is_reserved: bool,
}

#[aggregate(handles = [Reserve, Release], events = [Reserved, Released])]
impl Seat {
    fn reserve(&self, reserve: Reserve) -> Option<Reserved> {
        (!self.is_reserved).then_some(Reserved { seat: reserve.seat })
    }

    fn release(&self, release: Release) -> Option<Released> {
        self.is_reserved.then_some(Released { seat: release.seat })
    }

    fn reserved(&mut self, _: &Reserved) {
        self.is_reserved = true;
    }

    fn released(&mut self, _: &Released) {
        self.is_reserved = false;
    }
}

#[command(name = "testing.charge")]
pub struct Charge {
    pub seat: u32,
}

/// Charges for a seat, and gives it back after ten minutes without payment.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Hold {
    seat: u32,
}

#[saga(
    key = seat,
    starts = [Reserved],
    handles = [Reserved, Released],
    ends = [Released],
    sends = [Charge, Release]
)]
impl Hold {
    fn reserved(&mut self, event: &Reserved, step: &mut Step<Self>) {
        self.seat = event.seat;
        step.send(Charge { seat: event.seat });
    }

    fn released(&mut self, _: &Released, _: &mut Step<Self>) {}

    #[timeout("10m")]
    fn unpaid(&mut self, step: &mut Step<Self>) {
        step.send(Release { seat: self.seat });
    }
}

/// Asks something that may be answered by nothing.
#[derive(Default)]
pub struct Clerk;

#[query(reply = u32)]
pub struct PriceOf {
    pub seat: u32,
}

#[command]
pub struct Quote {
    pub seat: u32,
}

#[module(handles = Quote, calls = PriceOf)]
impl Clerk {
    async fn quote(&mut self, quote: Quote, ctx: &Context<Self>) {
        // Whatever it makes of the error.
        let _ = ctx.ask(PriceOf { seat: quote.seat }).await;
    }
}

#[derive(Default)]
pub struct Prices;

#[module(handles = PriceOf)]
impl Prices {
    async fn price(&self, _: PriceOf) -> u32 {
        7
    }
}

async fn with_file(builder: SystemBuilder, folder: &Folder) -> nether::Result<TestSystem> {
    let store = Store::new(SqliteStore::open(folder.file())?);
    Ok(builder.provide(store).start_test().await?)
}

#[nether::test(only = [Aggregates<Seat>])]
async fn time_stands_still_while_a_file_is_written(builder: SystemBuilder) -> nether::Result<()> {
    let folder = Folder::new("still");
    let system = with_file(builder, &folder).await?;
    // A timer that time would run ahead to.
    let timer = tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
    let start = Instant::now();
    let ctx = system.context();
    for seat in 0..100 {
        ctx.send(Reserve { seat }).await?;
    }
    let reserved = (100..400).map(|seat| {
        let ctx = ctx.clone();
        async move { ctx.send(Reserve { seat }).await }
    });
    for reserved in reserved.map(tokio::spawn).collect::<Vec<_>>() {
        reserved.await??;
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(!timer.is_finished());
    // And then it passes again.
    timer.await?;
    assert_eq!(start.elapsed(), Duration::from_secs(3600));
    Ok(())
}

#[nether::test(only = [Aggregates<Seat>, Sagas<Hold>])]
async fn a_saga_beside_a_file_times_out_in_its_time(builder: SystemBuilder) -> nether::Result<()> {
    let folder = Folder::new("times-out");
    let system = with_file(builder, &folder).await?;
    system.fake(|_: Charge| Ok(()));
    let ctx = system.context();
    for seat in 0..20 {
        ctx.send(Reserve { seat }).await?;
    }
    system.settle().await;
    assert_eq!(system.sent::<Charge>().len(), 20);
    assert!(system.sent::<Release>().is_empty());
    system.advance(Duration::from_secs(9 * 60)).await;
    assert!(system.sent::<Release>().is_empty());
    system.advance(Duration::from_secs(2 * 60)).await;
    assert_eq!(system.sent::<Release>().len(), 20);
    Ok(())
}

#[nether::test(only = [Aggregates<Seat>, Sagas<Hold>])]
#[should_panic(expected = "a module sent `testing.charge`")]
async fn a_saga_whose_command_nothing_answers_fails_the_test(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let system = builder.provide(Store::memory()).start_test().await?;
    system.context().send(Reserve { seat: 1 }).await?;
    pending().await // The saga tries again and again.
}

#[nether::test(only = [Clerk])]
#[should_panic(expected = "let the test answer it, `system.fake(|it: PriceOf| Ok(..))`")]
async fn a_module_whose_query_nothing_answers_fails_the_test(
    system: TestSystem,
) -> nether::Result<()> {
    system.context().send(Quote { seat: 1 }).await?;
    pending().await
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "no module of this test handles it")]
async fn settling_fails_a_test_without_the_attribute() {
    let builder = System::builder().isolated().with::<Clerk>();
    let system = builder.start_test().await.unwrap();
    let ctx = system.context();
    ctx.process(Quote { seat: 1 }).await.unwrap();
    system.settle().await;
}

#[nether::test(only = [Clerk])]
#[should_panic(expected = "a module sent `testing_store::PriceOf`")]
async fn a_test_that_ends_with_it_fails_too(system: TestSystem) -> nether::Result<()> {
    Ok(system.context().send(Quote { seat: 1 }).await?)
}

#[nether::test(only = [Clerk])]
#[should_panic(expected = "a module sent `testing_store::PriceOf`")]
async fn a_system_that_the_test_starts_itself_fails_it_too(
    builder: SystemBuilder,
) -> nether::Result<()> {
    tokio::task::yield_now().await;
    let system = builder.start().await?;
    system.context().send(Quote { seat: 1 }).await?;
    pending().await
}

#[nether::test(only = [Clerk])]
async fn what_a_module_sends_to_a_detached_one_is_no_mistake(
    system: TestSystem,
) -> nether::Result<()> {
    let prices = system.attach(Prices).await?;
    system.context().send(Quote { seat: 1 }).await?;
    system.detach(prices).await;
    system.context().send(Quote { seat: 1 }).await?;
    assert_eq!(system.sent::<PriceOf>().len(), 1);
    Ok(())
}

#[nether::test(only = [Clerk])]
async fn what_a_test_itself_sends_in_vain_is_its_own_matter(
    system: TestSystem,
) -> nether::Result<()> {
    let error = system.context().ask(PriceOf { seat: 1 }).await.unwrap_err();
    assert!(matches!(error, CallError::NoRoute(_)), "{error}");
    let ctx = system.context().as_system();
    let error = ctx.ask(PriceOf { seat: 1 }).await.unwrap_err();
    assert!(matches!(error, CallError::NoRoute(_)), "{error}");
    system.settle().await;
    system.fake(|of: PriceOf| Ok(of.seat));
    system.context().send(Quote { seat: 1 }).await?;
    assert!(!system.sent::<PriceOf>().is_empty());
    Ok(())
}
