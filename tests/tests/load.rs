//! Much work at once: nothing is lost, nothing is done twice, and memory comes back.

use std::sync::Arc;

use nether::prelude::*;
use nether_tests::in_use;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const CONTEXTS: u64 = 100;
const TASKS: u64 = 8;
const COMMANDS: u64 = 1_000_000;
/// What each task sends in each context.
const SHARE: u64 = COMMANDS / CONTEXTS / TASKS;

#[command]
struct Tick {
    context: usize,
    number: u64,
}

#[event]
struct Ticked {
    context: usize,
}

#[query(reply = Vec<u64>)]
struct HowOften;

#[query(reply = Vec<u64>)]
struct HowOftenSeen;

/// Each number of each context, once.
struct Clock {
    ticks: Vec<Vec<bool>>,
}

impl Default for Clock {
    fn default() -> Self {
        Clock {
            ticks: vec![vec![false; (SHARE * TASKS) as usize]; CONTEXTS as usize],
        }
    }
}

#[module(handles = [Tick, HowOften], emits = [Ticked])]
impl Clock {
    async fn tick(&mut self, tick: Tick, ctx: &Context<Self>) -> nether::Result<()> {
        let seen = std::mem::replace(&mut self.ticks[tick.context][tick.number as usize], true);
        assert!(!seen, "{tick:?} came twice");
        if tick.number.is_multiple_of(100) {
            ctx.publish(Ticked {
                context: tick.context,
            })
            .await?;
        }
        Ok(())
    }

    async fn how_often(&self, _: HowOften) -> Vec<u64> {
        self.ticks
            .iter()
            .map(|ticks| ticks.iter().filter(|seen| **seen).count() as u64)
            .collect()
    }
}

struct Listener {
    seen: Vec<u64>,
}

impl Default for Listener {
    fn default() -> Self {
        Listener {
            seen: vec![0; CONTEXTS as usize],
        }
    }
}

#[module(handles = [Ticked, HowOftenSeen])]
impl Listener {
    async fn ticked(&mut self, event: &Ticked) {
        self.seen[event.context] += 1;
    }

    async fn how_often(&self, _: HowOftenSeen) -> Vec<u64> {
        self.seen.clone()
    }
}

/// Sends one task's share in every context.
async fn send_share(contexts: Arc<Vec<Context>>, task: u64) -> nether::Result<()> {
    for number in task * SHARE..(task + 1) * SHARE {
        for (context, ctx) in contexts.iter().enumerate() {
            ctx.process(Tick { context, number }).await?;
        }
    }
    Ok(())
}

async fn run(system: &System) -> nether::Result<()> {
    let contexts: Arc<Vec<_>> = Arc::new((0..CONTEXTS).map(|_| system.context()).collect());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(send_share(Arc::clone(&contexts), task));
    }
    while let Some(sent) = tasks.join_next().await {
        sent??;
    }
    for ctx in Arc::into_inner(contexts).expect("all tasks have ended") {
        // Its share of the commands, and of the events that came of them.
        assert_eq!(
            ctx.close().await?.handled,
            SHARE * TASKS + SHARE * TASKS / 100
        );
    }
    Ok(())
}

#[nether::test(worker_threads = 2)]
async fn a_million_commands_are_each_handled_once_and_leave_no_memory_behind(
    system: System,
) -> nether::Result<()> {
    system
        .scope(async |ctx| Ok(ctx.ask(HowOften).await?))
        .await?;
    let before = in_use();
    run(&system).await?;
    let after = in_use();
    let ctx = system.context();
    assert_eq!(
        ctx.ask(HowOften).await?,
        vec![SHARE * TASKS; CONTEXTS as usize]
    );
    assert_eq!(
        ctx.ask(HowOftenSeen).await?,
        vec![SHARE * TASKS / 100; CONTEXTS as usize]
    );
    ctx.close().await?;
    let report = system.shutdown().await;
    assert_eq!(report.handled, COMMANDS + COMMANDS / 100 + 3);
    // What stays are two mailboxes of at most 1024 messages from outside and what handlers add to them.
    let grown = after - before;
    assert!(grown < 2 << 20, "{grown} bytes are still in use");
    Ok(())
}
