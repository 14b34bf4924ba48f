//! What becomes of delayed messages that are refused when they are due: each is one dead letter.

use std::time::Duration;

use nether::prelude::*;
use nether::{DeadLetter, ModuleCrashLooping, Subscription, Violations};

/// Delays the messages that are refused.
#[command(name = "later.refusals.begin")]
struct Begin;

#[command(name = "later.refusals.ruled", validate = Self::check)]
struct Ruled {
    number: u64,
}

impl Ruled {
    fn check(&self) -> Result<(), Violations> {
        let mut violations = Violations::new();
        if self.number == 0 {
            violations.add("number", "must not be 0");
        }
        violations.into_result()
    }
}

#[command(name = "later.refusals.fail")]
struct Fail {
    crash: bool,
}

#[command(name = "later.refusals.crash")]
struct Crash;

struct Sender;

#[module(handles = [Begin, Ruled], manual)]
impl Sender {
    async fn begin(&mut self, _: Begin, ctx: &Context<Self>) {
        ctx.later(Duration::ZERO, Ruled { number: 0 });
        ctx.later(Duration::ZERO, Fail { crash: false });
        ctx.later(Duration::ZERO, Crash);
    }

    async fn ruled(&mut self, _: Ruled) {}
}

/// Its breaker opens with the first failure.
struct Breaking;

#[module(handles = Fail, manual, breaker = "1 in 10s, probe after 1h")]
impl Breaking {
    async fn fail(&mut self, fail: Fail) -> nether::Result<()> {
        Err(nether::Error::msg(fail.crash))
    }
}

/// The second crash is one too many.
#[derive(Default)]
struct Fragile;

#[module(handles = Crash, max_restarts = "1 in 2h")]
impl Fragile {
    async fn crash(&mut self, _: Crash) {
        panic!("as asked");
    }
}

async fn next(letters: &mut Subscription<DeadLetter>) -> (String, String, Option<String>) {
    let letter = letters.next().await.expect("each is reported");
    assert!(letter.module.ends_with("Sender"), "{}", letter.module);
    let letter = DeadLetter::clone(&letter);
    (letter.message, letter.reason, letter.json)
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_that_is_refused_is_one_dead_letter() -> nether::Result<()> {
    let system = System::builder()
        .isolated()
        .with::<Fragile>()
        .start()
        .await?;
    system.attach(Sender).await?;
    system.attach(Breaking).await?;
    let mut letters = system.dead_letters();
    let mut looping = system.subscribe::<ModuleCrashLooping>();
    let ctx = system.context();
    assert!(ctx.send(Fail { crash: true }).await.is_err());
    assert!(ctx.send(Crash).await.is_err());
    assert!(ctx.send(Crash).await.is_err());
    assert!(looping.next().await.is_some());
    ctx.send(Begin).await?;
    let (message, reason, json) = next(&mut letters).await;
    assert_eq!(message, "later.refusals.ruled");
    assert!(reason.contains("must not be 0"), "{reason}");
    assert_eq!(json.as_deref(), Some(r#"{"number":0}"#));
    let (message, reason, json) = next(&mut letters).await;
    assert_eq!(message, "later.refusals.fail");
    assert!(reason.contains("fails, and is left alone"), "{reason}");
    assert_eq!(json.as_deref(), Some(r#"{"crash":false}"#));
    let (message, reason, _) = next(&mut letters).await;
    assert_eq!(message, "later.refusals.crash");
    assert!(reason.contains("crash"), "{reason}");
    drop(ctx);
    let report = system.shutdown().await;
    let counts: Vec<u64> = report.dead_letters.iter().map(|it| it.count).collect();
    assert_eq!(counts, [1, 1, 1], "{report}");
    assert!(letters.next().await.is_none());
    Ok(())
}
