//! Modules that start together: those that wait for each other get an error, and a module that fails ends the
//! start though another never comes back.

use std::time::Duration;

use nether::prelude::*;
use nether::{HandlerSlow, StartError};
use tokio::time::{Instant, timeout};

#[derive(Default)]
struct Hangs;

#[module(handles = [])]
impl Hangs {
    #[on_start]
    async fn start(&mut self) {
        std::future::pending().await
    }
}

#[derive(Default)]
struct HangsShared;

#[module(handles = [])]
impl HangsShared {
    #[on_start]
    async fn start(&self) {
        std::future::pending().await
    }
}

#[derive(Default)]
struct Fails;

#[module(handles = [])]
impl Fails {
    #[on_start]
    async fn start(&mut self) -> nether::Result<()> {
        Err(nether::Error::msg("no configuration"))
    }
}

/// Starts, or fails: far less long than a day.
async fn start(builder: nether::SystemBuilder) -> Result<System, StartError> {
    let started = timeout(Duration::from_secs(60 * 60), builder.start()).await;
    started.expect("the start ends")
}

#[tokio::test(start_paused = true)]
async fn a_module_that_fails_ends_the_start_though_another_never_comes_back() {
    let builder = System::builder()
        .isolated()
        .shutdown_timeout(Duration::from_secs(3));
    let builder = builder
        .with::<Hangs>()
        .with::<HangsShared>()
        .with::<Fails>();
    let began = Instant::now();
    let error = start(builder).await.expect_err("a module fails");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let text = error.to_string();
    assert!(text.contains("no configuration"), "{text}");
    assert!(
        text.contains("Hangs") && text.contains("HangsShared"),
        "{text}"
    );
}

#[query(reply = u32)]
struct AskExclusive;

#[query(reply = u32)]
struct AskShared;

#[derive(Default)]
struct AsksShared(u32);

#[module(handles = AskExclusive)]
impl AsksShared {
    #[on_start]
    async fn start(&mut self, ctx: &Context<Self>) -> nether::Result<()> {
        self.0 = ctx.ask(AskShared).await?;
        Ok(())
    }

    async fn ask(&self, _: AskExclusive) -> u32 {
        self.0
    }
}

#[derive(Default)]
struct AsksExclusive;

#[module(handles = AskShared)]
impl AsksExclusive {
    #[on_start]
    async fn start(&self, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.ask(AskExclusive).await?;
        Ok(())
    }

    async fn ask(&self, _: AskShared) -> u32 {
        1
    }
}

#[tokio::test(start_paused = true)]
async fn modules_that_ask_each_other_while_they_start_are_a_deadlock() {
    let builder = System::builder()
        .isolated()
        .with::<AsksShared>()
        .with::<AsksExclusive>();
    let error = start(builder).await.expect_err("they wait for each other");
    assert!(error.to_string().contains("a deadlock"), "{error}");
}

#[query(reply = u32)]
struct AskLate;

#[derive(Default)]
struct Late;

#[module(handles = AskLate, after = Early)]
impl Late {
    async fn ask(&self, _: AskLate) -> u32 {
        1
    }
}

#[query(reply = u32)]
struct AskLateExclusive;

#[derive(Default)]
struct LateExclusive(u32);

#[module(handles = [AskLateExclusive, Count], after = EarlyExclusive)]
impl LateExclusive {
    async fn ask(&self, _: AskLateExclusive) -> u32 {
        self.0
    }

    async fn count(&mut self, _: Count) {
        self.0 += 1;
    }
}

#[command]
struct Count;

#[derive(Default)]
struct Early(u32);

#[module(handles = [])]
impl Early {
    #[on_start]
    async fn start(&mut self, ctx: &Context<Self>) -> nether::Result<()> {
        self.0 = ctx.ask(AskLate).await?;
        Ok(())
    }
}

#[derive(Default)]
struct EarlyExclusive(u32);

#[module(handles = [])]
impl EarlyExclusive {
    #[on_start]
    async fn start(&mut self, ctx: &Context<Self>) -> nether::Result<()> {
        self.0 = ctx.ask(AskLateExclusive).await?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_module_that_asks_one_that_starts_after_it_is_a_deadlock() {
    for builder in [
        System::builder().isolated().with::<Early>().with::<Late>(),
        System::builder()
            .isolated()
            .with::<EarlyExclusive>()
            .with::<LateExclusive>(),
    ] {
        let error = start(builder).await.expect_err("it would wait for ever");
        let text = error.to_string();
        assert!(text.contains("waits for `after` in"), "{text}");
    }
}

#[derive(Default)]
struct Slow;

#[module(handles = [])]
impl Slow {
    #[on_start]
    async fn start(&self) {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_takes_long_is_reported() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let mut slow = system.subscribe::<HandlerSlow>();
    let attached = tokio::spawn({
        let system = system.clone();
        async move { system.attach(Slow).await.map(drop) }
    });
    let report = slow.next().await.expect("it is reported");
    assert_eq!(report.message, "#[on_start]");
    assert!(report.module.ends_with("Slow"));
    attached.await??;
    Ok(())
}
