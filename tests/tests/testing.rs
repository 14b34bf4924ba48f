//! What a test has of `#[nether::test]`: virtual time, the modules it asks for, fakes, what was sent, seeds.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use nether::prelude::*;
use nether::{ModuleRestarted, ModuleState, TestSystem};
use tokio::time::{Instant, sleep};

const HOUR: Duration = Duration::from_secs(3600);

#[command(reply = String, error = Declined)]
struct ChargeCard {
    cents: u64,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("declined")]
struct Declined;

#[command]
struct Buy {
    cents: u64,
}

/// Buys after so long.
#[command]
struct BuyLater {
    cents: u64,
    after: Duration,
}

#[event]
struct Bought {
    receipt: String,
}

#[query(reply = usize)]
struct Sold;

/// The real thing, which only tests of the whole program call.
#[derive(Default)]
struct Bank;

#[module(handles = ChargeCard)]
impl Bank {
    async fn charge(&mut self, charge: ChargeCard) -> String {
        format!("really {}", charge.cents)
    }
}

#[derive(Default)]
struct Shop;

#[module(handles = [Buy, BuyLater], calls = ChargeCard, emits = [Bought, Buy])]
impl Shop {
    async fn buy(&mut self, buy: Buy, ctx: &Context<Self>) -> nether::Result<()> {
        let receipt = ctx.send(ChargeCard { cents: buy.cents }).await?;
        ctx.publish(Bought { receipt }).await?;
        Ok(())
    }

    async fn buy_later(&mut self, later: BuyLater, ctx: &Context<Self>) -> nether::Result<()> {
        sleep(later.after).await;
        ctx.process(Buy { cents: later.cents }).await?;
        Ok(())
    }
}

#[derive(Default)]
struct Statistics {
    sold: usize,
}

#[module(handles = [Bought, Sold])]
impl Statistics {
    async fn bought(&mut self, _: &Bought) {
        self.sold += 1;
    }

    async fn sold(&self, _: Sold) -> usize {
        self.sold
    }
}

#[event]
struct Ticked;

#[derive(Default)]
struct Clock;

#[module(handles = [], emits = Ticked)]
impl Clock {
    #[background]
    async fn tick(ctx: Context<Self>) -> nether::Result<()> {
        while !ctx.is_cancelled() {
            sleep(HOUR).await;
            ctx.publish(Ticked).await?;
        }
        Ok(())
    }
}

/// Two runners that note when they come by.
#[command]
struct Run(u8);

#[command]
struct RunToo(u8);

#[event]
struct Passed(u8);

#[derive(Default)]
struct Left;

#[module(handles = Run, emits = Passed)]
impl Left {
    async fn run(&mut self, Run(number): Run, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.publish(Passed(number)).await?;
        Ok(())
    }
}

#[derive(Default)]
struct Right;

#[module(handles = RunToo, emits = Passed)]
impl Right {
    async fn run(&mut self, RunToo(number): RunToo, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.publish(Passed(number)).await?;
        Ok(())
    }
}

#[nether::test(only = [])]
async fn time_is_virtual(_: TestSystem) -> nether::Result<()> {
    let began = (Instant::now(), std::time::Instant::now());
    sleep(24 * HOUR).await;
    assert_eq!(began.0.elapsed(), 24 * HOUR);
    assert!(began.1.elapsed() < HOUR);
    Ok(())
}

#[nether::test(only = [Shop])]
async fn one_module_is_tested_with_a_fake_of_what_it_calls(
    system: TestSystem,
) -> nether::Result<()> {
    assert_eq!(system.modules().len(), 1);
    system.fake(|charge: ChargeCard| match charge.cents {
        0 => Err(Declined),
        cents => Ok(format!("{cents} cents")),
    });
    let ctx = system.context();
    ctx.process(Buy { cents: 7 }).await?;
    ctx.process(Buy { cents: 0 }).await?;
    system.settle().await;
    let charged: Vec<u64> = system
        .sent::<ChargeCard>()
        .iter()
        .map(|sent| sent.cents)
        .collect();
    assert_eq!(charged, [7, 0]);
    let bought: Vec<String> = system
        .published::<Bought>()
        .into_iter()
        .map(|it| it.receipt)
        .collect();
    assert_eq!(bought, ["7 cents"]);
    let errors: Vec<String> = system.failures().into_iter().map(|it| it.error).collect();
    assert_eq!(
        errors,
        ["declined", "declined"],
        "the fake's, and the shop's"
    );
    assert_eq!(
        ctx.close()
            .await
            .expect_err("one was declined")
            .failures
            .len(),
        1
    );
    Ok(())
}

#[nether::test]
async fn a_fake_takes_the_place_of_the_module_that_is_there(
    system: TestSystem,
) -> nether::Result<()> {
    let ctx = system.context();
    assert_eq!(ctx.send(ChargeCard { cents: 1 }).await?, "really 1");
    let mut calls = 0;
    system.fake(move |_: ChargeCard| {
        calls += 1;
        Ok(format!("call {calls}"))
    });
    assert_eq!(ctx.send(ChargeCard { cents: 1 }).await?, "call 1");
    assert_eq!(ctx.try_send(ChargeCard { cents: 1 })?.await?, "call 2");
    ctx.process(ChargeCard { cents: 1 }).await?;
    ctx.try_process(ChargeCard { cents: 1 })?;
    assert_eq!(ctx.send(ChargeCard { cents: 1 }).await?, "call 5");
    ctx.close().await?;
    Ok(())
}

#[nether::test(only = [])]
async fn a_fake_that_fails_fails_as_a_handler_does(system: TestSystem) -> nether::Result<()> {
    system.fake(|charge: ChargeCard| match charge.cents {
        0 => panic!("as asked"),
        _ => Err(Declined),
    });
    let ctx = system.context();
    let error = ctx
        .send(ChargeCard { cents: 0 })
        .await
        .expect_err("it panics");
    assert!(matches!(error, CallError::Panicked(_)));
    let error = ctx
        .send(ChargeCard { cents: 1 })
        .await
        .expect_err("it fails");
    assert!(matches!(error, CallError::Handler(Declined)));
    ctx.process(ChargeCard { cents: 1 }).await?;
    let failures = ctx.close().await.expect_err("it fails").failures;
    assert_eq!((failures.len(), failures[0].module), (1, Some("a fake")));
    Ok(())
}

#[nether::test(only = [])]
async fn what_no_module_handles_has_no_route(system: TestSystem) -> nether::Result<()> {
    let error = system
        .context()
        .ask(Sold)
        .await
        .expect_err("nobody is there");
    assert!(matches!(error, CallError::NoRoute(_)));
    Ok(())
}

#[nether::test]
async fn settling_waits_for_all_that_is_in_flight_however_long_it_takes(
    system: TestSystem,
) -> nether::Result<()> {
    let ctx = system.context();
    let began = Instant::now();
    ctx.process(BuyLater {
        cents: 7,
        after: HOUR / 2,
    })
    .await?;
    system.settle().await;
    assert!(began.elapsed() >= HOUR / 2);
    assert_eq!(ctx.ask(Sold).await?, 1);
    // But not for what is only to happen later.
    system.settle().await;
    assert!(began.elapsed() < HOUR);
    assert!(system.published::<Ticked>().is_empty());
    system.advance(3 * HOUR).await;
    assert_eq!(system.published::<Ticked>().len(), 3);
    ctx.close().await?;
    Ok(())
}

#[nether::test(flavor = "multi_thread", only = [Bank, Shop, Statistics])]
async fn with_several_threads_time_is_real_and_settling_works_too(
    system: TestSystem,
) -> nether::Result<()> {
    let ctx = system.context();
    let began = std::time::Instant::now();
    let after = Duration::from_millis(20);
    ctx.process(BuyLater { cents: 7, after }).await?;
    system.settle().await;
    assert!(began.elapsed() >= after);
    assert_eq!(ctx.ask(Sold).await?, 1);
    ctx.close().await?;
    Ok(())
}

#[nether::test]
async fn a_builder_starts_a_test_system_too(builder: SystemBuilder) -> nether::Result<()> {
    let system = builder
        .isolated()
        .with::<Statistics>()
        .mailbox(3)
        .start_test()
        .await?;
    let ctx = system.context();
    let receipt = "it".to_owned();
    ctx.publish(Bought { receipt }).await?;
    assert_eq!(ctx.ask(Sold).await?, 1);
    assert_eq!(system.published::<Bought>().len(), 1);
    Ok(())
}

/// Who came by, in which order.
async fn race(system: &TestSystem) -> nether::Result<Vec<u8>> {
    let ctx = system.context();
    for number in 0..4 {
        ctx.process(Run(number)).await?;
        ctx.process(RunToo(number + 10)).await?;
    }
    ctx.close().await?;
    Ok(system
        .published::<Passed>()
        .into_iter()
        .map(|it| it.0)
        .collect())
}

#[nether::test(seeds = 0..32, only = [Left, Right])]
async fn the_order_of_modules_is_drawn_from_the_seed(system: TestSystem) -> nether::Result<()> {
    static ORDERS: Mutex<BTreeSet<Vec<u8>>> = Mutex::new(BTreeSet::new());
    let order = race(&system).await?;
    // What one module gets from one sender stays in order.
    for runner in [0, 10] {
        let own: Vec<u8> = order
            .iter()
            .copied()
            .filter(|it| it / 10 * 10 == runner)
            .collect();
        assert_eq!(own, [runner, runner + 1, runner + 2, runner + 3]);
    }
    let mut orders = ORDERS.lock().expect("sound");
    orders.insert(order);
    if system.seed() == Some(31) {
        assert!(orders.len() > 8, "{} orders of 32", orders.len());
    }
    Ok(())
}

static FIRST: OnceLock<Vec<u8>> = OnceLock::new();

/// These two have one seed, and so one order.
#[nether::test(seed = 12, only = [Left, Right])]
async fn a_seed_is_replayed_exactly(system: TestSystem) -> nether::Result<()> {
    let order = race(&system).await?;
    assert_eq!(&order, FIRST.get_or_init(|| order.clone()));
    Ok(())
}

#[nether::test(seed = 12, only = [Left, Right])]
async fn a_seed_is_replayed_exactly_again(system: TestSystem) -> nether::Result<()> {
    let order = race(&system).await?;
    assert_eq!(&order, FIRST.get_or_init(|| order.clone()));
    Ok(())
}

/// Fails with seed 3 on demand, by the test below.
#[nether::test(seeds = 0..6, only = [])]
async fn fails_with_seed_3_if_it_is_to(system: TestSystem) -> nether::Result<()> {
    let is_to_fail = std::env::var_os("FAIL_WITH_SEED_3").is_some();
    assert!(!is_to_fail || system.seed() != Some(3), "as asked");
    Ok(())
}

#[test]
fn a_failure_names_its_seed_which_can_be_run_alone() {
    let run = |seed: Option<&str>| {
        let mut test = Command::new(std::env::current_exe().expect("this program"));
        test.args(["--exact", "fails_with_seed_3_if_it_is_to", "--nocapture"]);
        test.env("FAIL_WITH_SEED_3", "yes");
        if let Some(seed) = seed {
            test.env("NETHER_SEED", seed);
        }
        let output = test.output().expect("it runs");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (passed, told) = run(None);
    assert!(!passed && told.contains("failed with seed 3;"), "{told}");
    let (passed, told) = run(Some("3"));
    assert!(!passed && told.contains("failed with seed 3;"), "{told}");
    let (passed, told) = run(Some("4"));
    assert!(passed, "{told}");
    let (passed, told) = run(Some("four"));
    assert!(
        !passed && told.contains("NETHER_SEED=four is not a seed"),
        "{told}"
    );
}

#[nether::test(seeds = 0..16, crashes = true)]
async fn modules_crash_at_points_drawn_from_the_seed(system: TestSystem) -> nether::Result<()> {
    static CRASHES: Mutex<u64> = Mutex::new(0);
    let ctx = system.context();
    for cents in 0..20 {
        ctx.process(Buy { cents }).await?;
    }
    system.settle().await;
    let _ = ctx.close().await;
    // Each of them crashed, or was handled: and whatever crashed is made anew.
    let modules = system.modules();
    assert!(modules.iter().all(|it| matches!(
        it.state,
        ModuleState::Running | ModuleState::CrashLooping | ModuleState::Stopped
    )));
    let shop = modules
        .iter()
        .find(|it| it.name.ends_with("Shop"))
        .expect("it is there");
    let dead = system.published::<nether::DeadLetter>();
    let dead = dead.iter().filter(|it| it.module.ends_with("Shop")).count() as u64;
    assert_eq!(shop.handled + shop.failed + dead, 20);
    let mut crashes = CRASHES.lock().expect("sound");
    *crashes += system.published::<ModuleRestarted>().len() as u64;
    if system.seed() == Some(15) {
        assert!(*crashes > 16, "{crashes}");
    }
    Ok(())
}
