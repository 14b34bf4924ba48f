//! Fifty modules that fail in every way while they are paused, attached, detached, and shut down in the
//! middle: what was accepted is handled, failed, or a dead letter, to the last message, with each of a
//! hundred seeds.
//!
//! `NETHER_CHAOS` says how many messages are sent with each seed, if not 10,000: `.ci/run` sends 300,000.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{Attached, SendError, System};
use tokio::time::sleep;

/// How many messages were accepted.
#[derive(Clone, Default)]
struct Accepted(Arc<AtomicU64>);

impl Accepted {
    fn count(&self, sent: Result<(), SendError>) -> bool {
        if sent.is_ok() {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        sent.is_ok()
    }
}

/// A sequence that looks random (SplitMix64), the same for a seed.
fn next(luck: &mut u64) -> u64 {
    *luck = luck.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*luck ^ (*luck >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)) >> 16
}

/// What a handler does with its message, by its luck: mostly nothing.
async fn act(luck: u64) -> nether::Result<()> {
    match luck % 101 {
        0 | 1 => Err(nether::Error::msg("out of luck")),
        2 => panic!("fell"),
        3 => std::future::pending().await,
        4..8 => {
            sleep(Duration::from_millis(luck % 7)).await;
            Ok(())
        }
        8..16 => {
            tokio::task::yield_now().await;
            Ok(())
        }
        _ => Ok(()),
    }
}

macro_rules! modules {
    ($($command:ident $module:ident ($($key:tt)*) [$($receiver:tt)*] $me:tt)*) => {$(
        #[command(key = luck)]
        struct $command { luck: u64 }

        struct $module(Accepted);

        #[module(handles = $command, mailbox = 16, timeout = "20ms", max_restarts = "1000000 in 1ms", $($key)*)]
        impl $module {
            #[init]
            fn new(accepted: Resource<Accepted>) -> Self {
                $module(Accepted::clone(&accepted))
            }

            async fn handle($($receiver)*, message: $command, ctx: &Context<Self>) -> nether::Result<()> {
                let mut luck = message.luck;
                if next(&mut luck) % 5 == 0 {
                    let sent = send(ctx, next(&mut luck)).await;
                    $me.0.count(sent);
                }
                act(next(&mut luck)).await
            }
        }
    )*};
}

// Forty-five modules: some in several instances, some that are tried again, some with breakers, some shared.
modules! {
    C0 M0 (instances = 8) [&mut self] self
    C1 M1 (instances = 8, retry = 2, backoff = "1ms..4ms") [&mut self] self
    C2 M2 (instances = 8, breaker = "20 in 1s, probe after 20ms") [&mut self] self
    C3 M3 (instances = 8) [&mut self] self
    C4 M4 (instances = 8) [&mut self] self
    C5 M5 () [&self] self
    C6 M6 (retry = 1, backoff = "1ms..4ms") [&self] self
    C7 M7 (breaker = "20 in 1s, probe after 20ms") [&self] self
    C8 M8 (restart = "always") [&mut self] self
    C9 M9 (restart = "always") [&self] self
}

/// Comes and goes: five of them, each for its own messages.
macro_rules! guests {
    ($($command:ident $module:ident [$($receiver:tt)*])*) => {$(
        #[command]
        struct $command { luck: u64 }

        struct $module;

        #[module(handles = $command, mailbox = 16, manual, restart = "resume", timeout = "20ms")]
        impl $module {
            async fn handle($($receiver)*, message: $command) -> nether::Result<()> {
                let mut luck = message.luck;
                act(next(&mut luck)).await
            }
        }
    )*};
}

guests! {
    G0 N0 [&mut self]
    G1 N1 [&mut self]
    G2 N2 [&self]
    G3 N3 [&self]
    G4 N4 [&mut self]
}

/// Sends to one of them.
async fn send<S>(ctx: &Context<S>, number: u64) -> Result<(), SendError>
where
    S: nether::Caller
        + nether::Emits<C0, S::Rule, nether::OnlyOneModule>
        + nether::Emits<C1, S::Rule, nether::OnlyOneModule>
        + nether::Emits<C2, S::Rule, nether::OnlyOneModule>
        + nether::Emits<C3, S::Rule, nether::OnlyOneModule>
        + nether::Emits<C4, S::Rule, nether::OnlyOneModule>
        + nether::Emits<C5, S::Rule, nether::OnlyOneModule>
        + nether::Emits<C6, S::Rule, nether::OnlyOneModule>
        + nether::Emits<C7, S::Rule, nether::OnlyOneModule>
        + nether::Emits<C8, S::Rule, nether::OnlyOneModule>
        + nether::Emits<C9, S::Rule, nether::OnlyOneModule>
        + nether::Emits<G0, S::Rule, N0>
        + nether::Emits<G1, S::Rule, N1>
        + nether::Emits<G2, S::Rule, N2>
        + nether::Emits<G3, S::Rule, N3>
        + nether::Emits<G4, S::Rule, N4>,
{
    let luck = number / 16;
    match number % 15 {
        0 => ctx.process(C0 { luck }).await,
        1 => ctx.process(C1 { luck }).await,
        2 => ctx.process(C2 { luck }).await,
        3 => ctx.process(C3 { luck }).await,
        4 => ctx.process(C4 { luck }).await,
        5 => ctx.process(C5 { luck }).await,
        6 => ctx.process(C6 { luck }).await,
        7 => ctx.process(C7 { luck }).await,
        8 => ctx.process(C8 { luck }).await,
        9 => ctx.process(C9 { luck }).await,
        10 => ctx.process(G0 { luck }).await,
        11 => ctx.process(G1 { luck }).await,
        12 => ctx.process(G2 { luck }).await,
        13 => ctx.process(G3 { luck }).await,
        _ => ctx.process(G4 { luck }).await,
    }
}

/// Sends so many messages, in units of work some of which are cancelled or dropped, until the system takes no
/// more.
async fn wander(system: System, accepted: Accepted, mut luck: u64, mut left: u64) {
    while left > 0 {
        let ctx = system.context();
        for _ in 0..next(&mut luck) % 64 {
            left = left.saturating_sub(1);
            let sent = send(&ctx, next(&mut luck)).await;
            if let Err(SendError::Stopping { .. }) = sent {
                return;
            }
            accepted.count(sent);
        }
        match next(&mut luck) % 8 {
            0 => ctx.cancel(),
            1 => continue,
            _ => {}
        }
        let _ = ctx.close().await;
    }
}

/// Pauses and resumes modules, and lets guests come and go, for as long as the system takes it.
async fn meddle(system: System, mut luck: u64) {
    let (mut first, mut second): (Option<Attached<N0>>, Option<Attached<N2>>) = (None, None);
    loop {
        sleep(Duration::from_millis(next(&mut luck) % 4 + 1)).await;
        let result = match next(&mut luck) % 4 {
            0 => system.pause::<M0>().and_then(|()| system.pause::<M5>()),
            1 => system.resume::<M0>().and_then(|()| system.resume::<M5>()),
            2 => system.pause::<M8>(),
            _ => system.resume::<M8>(),
        };
        match (first.take(), second.take()) {
            (Some(guest), Some(other)) => {
                system.detach(guest).await;
                system.detach(other).await;
            }
            _ => {
                first = system.attach(N0).await.ok();
                second = system.attach(N2).await.ok();
            }
        }
        if result.is_err() {
            return;
        }
    }
}

#[nether::test(seeds = 0..100, crashes = true)]
async fn what_was_accepted_is_handled_failed_or_a_dead_letter(
    builder: SystemBuilder,
) -> nether::Result<()> {
    std::panic::set_hook(Box::new(|_| {})); // Thousands of panics, all on purpose.
    let messages = std::env::var("NETHER_CHAOS").map_or(Ok(10_000), |text| text.parse::<u64>())?;
    let accepted = Accepted::default();
    let seed = builder.seed().expect("it is seeded");
    let system = builder.provide(accepted.clone()).start().await?;
    system.attach(N1).await?;
    system.attach(N3).await?;
    system.attach(N4).await?;
    assert_eq!(system.modules().len(), 48, "and two that come and go");
    let mut luck = seed;
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (system, accepted, luck) = (system.clone(), accepted.clone(), next(&mut luck));
        senders.spawn(wander(system, accepted, luck, messages / 8));
    }
    let meddler = tokio::spawn(meddle(system.clone(), next(&mut luck)));
    // Some seeds shut down in the middle, some at the end.
    if seed.is_multiple_of(4) {
        while let Some(ended) = senders.join_next().await {
            ended?;
        }
    } else {
        let half = messages / 2;
        while accepted.0.load(Ordering::SeqCst) < half && !senders.is_empty() {
            sleep(Duration::from_millis(1)).await;
            while senders.try_join_next().is_some() {}
        }
    }
    let report = system.shutdown().await;
    while let Some(ended) = senders.join_next().await {
        ended?;
    }
    meddler.await?;
    let _ = std::panic::take_hook();
    let accepted = accepted.0.load(Ordering::SeqCst);
    let dead: u64 = report
        .dead_letters
        .iter()
        .map(|letters| letters.count)
        .sum();
    assert!(accepted >= messages / 4, "{accepted} accepted");
    assert!(report.failed > 0 && dead > 0, "{report}");
    assert_eq!(accepted, report.handled + report.failed + dead, "{report}");
    Ok(())
}
