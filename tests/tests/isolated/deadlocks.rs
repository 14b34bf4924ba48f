//! Exclusive modules that wait for each other in a circle: the call that would close it is refused, at once,
//! and no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nether::prelude::*;
use nether::{Deadlock, SendError};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// To be sent on to the next node on the path, and so on. The reply is how many nodes it came to.
#[command(reply = u64)]
struct ToA(String);

#[command(reply = u64)]
struct ToB(String);

#[command(reply = u64)]
struct ToC(String);

#[command(reply = u64)]
struct ToD(String);

#[command(reply = u64)]
struct ToS(String);

/// The rest of the path is gone by a task that the handler only spawns.
#[command]
struct Spawn(String);

/// Whether the module can be called by itself without waiting.
#[command(reply = bool)]
struct Try;

/// What all nodes have in common.
#[derive(Clone, Default)]
struct Common {
    deadlocks: Arc<AtomicU64>,
    last: Arc<std::sync::Mutex<Option<Deadlock>>>,
    /// Waited for by all nodes that send on, before they do.
    together: Option<Arc<Barrier>>,
}

impl Common {
    /// What a node says when it could not send on.
    fn note(&self, error: CallError<nether::Error>) -> u64 {
        match error {
            CallError::Deadlock(deadlock) => {
                self.deadlocks.fetch_add(1, Ordering::SeqCst);
                *self.last.lock().expect("no holder panics") = Some(*deadlock);
                1
            }
            other => panic!("{other}"),
        }
    }
}

macro_rules! go {
    ($common:expr, $path:expr, $ctx:expr) => {{
        let (mut path, ctx): (String, _) = ($path, $ctx);
        if path.is_empty() {
            return 1;
        }
        let common: &Common = $common;
        if let Some(together) = &common.together {
            together.wait().await;
        }
        let sent = match path.remove(0) {
            'a' => ctx.send(ToA(path)).await,
            'b' => ctx.send(ToB(path)).await,
            'c' => ctx.send(ToC(path)).await,
            'd' => ctx.send(ToD(path)).await,
            _ => ctx.send(ToS(path)).await,
        };
        match sent {
            Ok(count) => count + 1,
            Err(error) => common.note(error),
        }
    }};
}

struct A(Common);

#[module(handles = [ToA, Spawn, Try], manual)]
impl A {
    async fn go(&mut self, ToA(path): ToA, ctx: &Context<Self>) -> u64 {
        go!(&self.0, path, ctx)
    }

    /// What the task sends waits for this module, but the module not for the task.
    async fn spawn(&mut self, Spawn(path): Spawn, ctx: &Context<Self>) {
        let (common, ctx) = (self.0.clone(), ctx.clone());
        tokio::spawn(async move { go!(&common, path, ctx) });
        // Until the task has gone as far as it can while this module is busy.
        for _ in 0..32 {
            tokio::task::yield_now().await;
        }
    }

    async fn try_itself(&mut self, _: Try, ctx: &Context<Self>) -> bool {
        let refused = ctx
            .try_send(ToA("x".into()))
            .expect_err("it would wait for itself");
        refused.message.0 == "x" && matches!(refused.error, SendError::Deadlock(_))
    }
}

struct B(Common);

#[module(handles = ToB, manual)]
impl B {
    async fn go(&mut self, ToB(path): ToB, ctx: &Context<Self>) -> u64 {
        go!(&self.0, path, ctx)
    }
}

struct C(Common);

#[module(handles = ToC, manual)]
impl C {
    async fn go(&mut self, ToC(path): ToC, ctx: &Context<Self>) -> u64 {
        go!(&self.0, path, ctx)
    }
}

struct D(Common);

#[module(handles = ToD, manual)]
impl D {
    async fn go(&mut self, ToD(path): ToD, ctx: &Context<Self>) -> u64 {
        go!(&self.0, path, ctx)
    }
}

/// Shared: what it waits for, its caller waits for.
struct S(Common);

#[module(handles = ToS, manual)]
impl S {
    async fn go(&self, ToS(path): ToS, ctx: &Context<Self>) -> u64 {
        go!(&self.0, path, ctx)
    }
}

async fn start(together: Option<usize>) -> nether::Result<(System, Common)> {
    let common = Common {
        together: together.map(|nodes| Arc::new(Barrier::new(nodes))),
        ..Common::default()
    };
    let system = System::builder().isolated().start().await?;
    system.attach(A(common.clone())).await?;
    system.attach(B(common.clone())).await?;
    system.attach(C(common.clone())).await?;
    system.attach(D(common.clone())).await?;
    system.attach(S(common.clone())).await?;
    Ok((system, common))
}

/// Goes a path from outside.
async fn go(system: &System, mut path: String) -> nether::Result<u64> {
    let ctx = system.context();
    let count = match path.remove(0) {
        'a' => ctx.send(ToA(path)).await?,
        'b' => ctx.send(ToB(path)).await?,
        'c' => ctx.send(ToC(path)).await?,
        'd' => ctx.send(ToD(path)).await?,
        _ => ctx.send(ToS(path)).await?,
    };
    ctx.close().await?;
    Ok(count)
}

/// The circle that was refused last, one line a step.
fn told(common: &Common) -> Vec<String> {
    let last = common.last.lock().expect("no holder panics");
    let cycle = last.as_ref().map_or(&[][..], |deadlock| &deadlock.cycle);
    let short = |name: &'static str| name.rsplit("::").next().unwrap_or(name);
    cycle
        .iter()
        .map(|step| {
            let [module, message, handler] = [step.module, step.message, step.handler].map(short);
            format!("{module} waits for {message} in {handler}")
        })
        .collect()
}

#[tokio::test]
async fn a_module_that_calls_itself_is_refused() -> nether::Result<()> {
    let (system, common) = start(None).await?;
    assert_eq!(go(&system, "aa".into()).await?, 1);
    assert_eq!(told(&common), ["A waits for ToA in A"]);
    Ok(())
}

#[tokio::test]
async fn a_module_that_tries_to_call_itself_gets_its_message_back() -> nether::Result<()> {
    let (system, _) = start(None).await?;
    let ctx = system.context();
    assert!(ctx.send(Try).await?);
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_circle_within_one_chain_is_refused_where_it_would_close() -> nether::Result<()> {
    let (system, common) = start(None).await?;
    assert_eq!(go(&system, "abca".into()).await?, 3);
    let steps = [
        "C waits for ToA in A",
        "A waits for ToB in B",
        "B waits for ToC in C",
    ];
    assert_eq!(told(&common), steps);
    Ok(())
}

#[tokio::test]
async fn the_error_names_the_circle_and_the_way_out() -> nether::Result<()> {
    let (system, common) = start(None).await?;
    go(&system, "aba".into()).await?;
    let text = common
        .last
        .lock()
        .expect("no holder panics")
        .take()
        .expect("refused")
        .to_string();
    assert_eq!(
        text,
        "a deadlock: `isolated::deadlocks::B` waits for `isolated::deadlocks::ToA` in `isolated::deadlocks::A`, `isolated::deadlocks::A` waits for \
         `isolated::deadlocks::ToB` in `isolated::deadlocks::B`; let one of them answer without asking, or publish an event instead"
    );
    Ok(())
}

#[tokio::test]
async fn a_shared_module_waits_on_behalf_of_its_caller() -> nether::Result<()> {
    let (system, common) = start(None).await?;
    assert_eq!(go(&system, "asba".into()).await?, 3);
    assert_eq!(
        told(&common),
        ["B waits for ToA in A", "A waits for ToB in B"]
    );
    assert_eq!(go(&system, "asa".into()).await?, 2);
    assert_eq!(told(&common), ["A waits for ToA in A"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_chains_that_wait_for_each_other_one_is_refused() -> nether::Result<()> {
    for _ in 0..500 {
        let (system, common) = start(Some(2)).await?;
        let (one, other) = tokio::join!(go(&system, "ab".into()), go(&system, "ba".into()));
        let mut counts = [one?, other?];
        counts.sort_unstable();
        assert_eq!(counts, [1, 2], "one is refused, and the other answered");
        assert_eq!(common.deadlocks.load(Ordering::SeqCst), 1);
        system.shutdown().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_chains_that_wait_for_each_other_one_is_refused() -> nether::Result<()> {
    for _ in 0..500 {
        let (system, common) = start(Some(3)).await?;
        let [one, two, three] = ["ab", "bc", "ca"].map(|path| go(&system, path.into()));
        let (one, two, three) = tokio::join!(one, two, three);
        assert_eq!([one?, two?, three?].iter().sum::<u64>(), 5);
        assert_eq!(common.deadlocks.load(Ordering::SeqCst), 1);
        system.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_handler_spawns_may_wait_for_its_module() -> nether::Result<()> {
    let (system, common) = start(None).await?;
    let ctx = system.context();
    ctx.send(Spawn("ba".into())).await?;
    ctx.close().await?;
    assert_eq!(common.deadlocks.load(Ordering::SeqCst), 0);
    Ok(())
}

/// A number that looks random, from one that counts.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^= mixed >> 29;
    mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ mixed >> 32
}

/// Nodes in a row, each at most once, in the order that the number says.
fn path(number: u64) -> String {
    let mut nodes = vec!['a', 'b', 'c', 'd', 's'];
    let mut luck = mixed(number);
    let mut path = String::new();
    let length = 2 + luck as usize % 4;
    for _ in 0..length {
        luck = mixed(luck);
        path.push(nodes.remove(luck as usize % nodes.len()));
    }
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_ask_in_one_direction_are_never_refused() -> nether::Result<()> {
    let (system, common) = start(None).await?;
    let mut tasks = JoinSet::<nether::Result<()>>::new();
    for task in 0..32 {
        let system = system.clone();
        tasks.spawn(async move {
            for round in 0..200 {
                let mut nodes: Vec<char> = path(task * 1_000 + round).chars().collect();
                nodes.sort_unstable();
                let length = nodes.len() as u64;
                assert_eq!(go(&system, nodes.into_iter().collect()).await?, length);
            }
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    assert_eq!(common.deadlocks.load(Ordering::SeqCst), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_after_the_other_in_any_direction_is_never_refused() -> nether::Result<()> {
    let (system, common) = start(None).await?;
    for number in 0..5_000 {
        let path = path(number);
        let length = path.len() as u64;
        assert_eq!(go(&system, path.clone()).await?, length, "{path}");
    }
    assert_eq!(common.deadlocks.load(Ordering::SeqCst), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_ask_in_any_direction_all_come_to_an_end() -> nether::Result<()> {
    let (system, common) = start(None).await?;
    let mut tasks = JoinSet::<nether::Result<()>>::new();
    for task in 0..16 {
        let system = system.clone();
        tasks.spawn(async move {
            for round in 0..200 {
                go(&system, path(task * 1_000 + round)).await?;
            }
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    assert!(common.deadlocks.load(Ordering::SeqCst) > 0);
    Ok(())
}
