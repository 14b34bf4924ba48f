//! Calls that one task makes at once: they wait for each other in turn, and not for themselves.

use std::fmt::Debug;
use std::time::Duration;

use nether::prelude::*;
use nether::{CallError, Result};
use tokio::time::{sleep, timeout};

/// Sleeps, and then goes along the path of keys.
#[command(key = first, reply = u64)]
struct Step {
    first: u64,
    path: Vec<u64>,
}

struct Stepper;

#[module(handles = [Step], per = first)]
impl Stepper {
    #[init]
    fn new(_first: &u64) -> Self {
        Stepper
    }

    async fn step(&mut self, step: Step, ctx: &Context<Self>) -> Result<u64> {
        sleep(Duration::from_millis(5)).await;
        match &*step.path {
            [] => Ok(1),
            [0] => Ok(1 + ctx.send(Pass { path: vec![] }).await?),
            [0, path @ ..] => Ok(1 + ctx.send(Pass { path: path.into() }).await?),
            path => Ok(1 + ctx.send(step_along(path)).await?),
        }
    }
}

fn step_along(path: &[u64]) -> Step {
    Step {
        first: path[0],
        path: path[1..].to_vec(),
    }
}

/// Goes on by another module.
#[command(reply = u64)]
struct Pass {
    path: Vec<u64>,
}

#[derive(Default)]
struct Passer;

#[module(handles = [Pass])]
impl Passer {
    async fn pass(&self, pass: Pass, ctx: &Context<Self>) -> Result<u64> {
        match &*pass.path {
            [] => Ok(1),
            path => Ok(1 + ctx.send(step_along(path)).await?),
        }
    }
}

/// Goes three paths at once, in the task of its module. The replies: how many handlers each has passed, or
/// that it would wait for itself.
#[command(reply = Vec<Option<u64>>)]
struct Together {
    paths: [Vec<u64>; 3],
}

#[derive(Default)]
struct Joiner;

#[module(handles = [Together])]
impl Joiner {
    async fn together(&mut self, together: Together, ctx: &Context<Self>) -> Vec<Option<u64>> {
        let [first, second, third] = &together.paths;
        let (first, second, third) = tokio::join!(
            ctx.send(step_along(first)),
            ctx.send(step_along(second)),
            ctx.send(step_along(third)),
        );
        [first, second, third].map(passed).to_vec()
    }
}

fn passed<E: Debug>(result: std::result::Result<u64, CallError<E>>) -> Option<u64> {
    match result {
        Ok(passed) => Some(passed),
        Err(error) => {
            let text = format!("{error:?}");
            assert!(text.to_lowercase().contains("deadlock"), "{text}");
            None
        }
    }
}

async fn go(paths: [&[u64]; 3]) -> Result<Vec<Option<u64>>> {
    let builder = System::builder().isolated();
    let builder = builder.with::<Stepper>().with::<Passer>().with::<Joiner>();
    let system = builder.start().await?;
    let ctx = system.context();
    let paths = paths.map(<[u64]>::to_vec);
    let sent = ctx.send(Together { paths });
    let replies = timeout(Duration::from_secs(20), sent).await??;
    timeout(Duration::from_secs(20), ctx.close()).await??;
    Ok(replies)
}

/// What each test tries out, on one thread and on several.
async fn calls_of_one_key() -> Result<()> {
    let one = go([&[1], &[1], &[1]]).await?;
    assert_eq!(one, [Some(1), Some(1), Some(1)]);
    let others = go([&[1, 2], &[1, 2, 3], &[1, 0]]).await?;
    assert_eq!(others, [Some(2), Some(3), Some(2)]);
    let through_another = go([&[1, 0, 2], &[1, 0, 2], &[2]]).await?;
    assert_eq!(through_another, [Some(3), Some(3), Some(1)]);
    Ok(())
}

async fn circles_of_siblings() -> Result<()> {
    let own = go([&[1, 1], &[1], &[2]]).await?;
    assert_eq!(own, [None, Some(1), Some(1)]);
    let through_another = go([&[1, 0, 1], &[2], &[1]]).await?;
    assert_eq!(through_another, [None, Some(1), Some(1)]);
    // Each of the two has what the other waits for: one of them is refused.
    for crossed in [[1, 2, 2, 1], [3, 4, 4, 3]] {
        let [a, b, c, d] = crossed;
        let replies = go([&[a, b], &[c, d], &[5]]).await?;
        let refused = replies.iter().filter(|reply| reply.is_none());
        assert_eq!(refused.count(), 1, "{replies:?}");
        assert_eq!(replies[2], Some(1));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_task_to_one_key_wait_for_each_other() -> Result<()> {
    calls_of_one_key().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_of_one_task_to_one_key_wait_for_each_other_on_threads() -> Result<()> {
    calls_of_one_key().await
}

#[tokio::test(start_paused = true)]
async fn a_circle_among_calls_of_one_task_is_refused() -> Result<()> {
    circles_of_siblings().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_circle_among_calls_of_one_task_is_refused_on_threads() -> Result<()> {
    circles_of_siblings().await
}
