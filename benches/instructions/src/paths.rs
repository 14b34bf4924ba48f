//! The core paths, each done as often as is asked, on the current thread: there, nothing depends on who is
//! faster.

use std::hint::black_box;
use std::pin::Pin;

use nether::System;
use tokio::runtime::Builder;

use crate::Result;
use crate::program::{Add, Added, SharedTotal};
use crate::requests::{self, by_hand, request};

/// How many messages are handed over before waiting for them; a mailbox has room for all.
const BATCH: u64 = 1000;

/// How many callers there are at once.
const CALLERS: u64 = 64;

/// How many requests are sent over one connection.
const REQUESTS: u64 = 1000;

/// A path and how many operations of it are counted: enough that what depends on chance at start-up, such as
/// hash seeds, is next to nothing in one of them.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    pub(crate) count: u64,
    has_sockets: bool,
    operations: fn(System, u64) -> Operations,
}

type Operations = Pin<Box<dyn Future<Output = nether::Result<()>> + Send>>;

pub(crate) const PATHS: [Path; 10] = [
    Path {
        name: "process",
        count: 20 * BATCH,
        has_sockets: false,
        operations: |system, count| Box::pin(process(system, count)),
    },
    Path {
        name: "send exclusive",
        count: 10_000,
        has_sockets: false,
        operations: |system, count| Box::pin(send(system, count)),
    },
    Path {
        name: "ask shared",
        count: 10_000,
        has_sockets: false,
        operations: |system, count| Box::pin(ask(system, count)),
    },
    Path {
        name: "publish to 10",
        count: 2 * BATCH,
        has_sockets: false,
        operations: |system, count| Box::pin(publish(system, count)),
    },
    Path {
        name: "context per command",
        count: 10_000,
        has_sockets: false,
        operations: |system, count| Box::pin(context_per_command(system, count)),
    },
    Path {
        name: "64 callers",
        count: 200 * CALLERS,
        has_sockets: false,
        operations: |system, count| Box::pin(callers(system, count)),
    },
    Path {
        name: "POST exclusive",
        count: REQUESTS,
        has_sockets: true,
        operations: |system, count| Box::pin(request(system, requests::EXCLUSIVE, count)),
    },
    Path {
        name: "POST shared",
        count: REQUESTS,
        has_sockets: true,
        operations: |system, count| Box::pin(request(system, requests::SHARED, count)),
    },
    Path {
        name: "GET by a parameter",
        count: REQUESTS,
        has_sockets: true,
        operations: |system, count| Box::pin(request(system, requests::FIND, count)),
    },
    Path {
        name: "POST by hand",
        count: REQUESTS,
        has_sockets: true,
        operations: |_, count| Box::pin(by_hand(requests::SHARED, count)),
    },
];

/// Does the path of this name so often.
pub(crate) fn run(name: &str, count: &str) -> Result<()> {
    let path = PATHS.iter().find(|path| path.name == name);
    let (path, count) = (path.ok_or("there is no such path")?, count.parse()?);
    // With timers, which a system asks for; nothing but requests has a deadline.
    let mut runtime = Builder::new_current_thread();
    runtime.enable_time();
    if path.has_sockets {
        runtime.enable_io();
    }
    let runtime = runtime.build()?;
    let done: nether::Result<()> = runtime.block_on(async {
        let system = System::start().await?;
        // In a task, as a program's work is done.
        tokio::spawn((path.operations)(system, count)).await?
    });
    done.map_err(|error| error.to_string().into())
}

/// Hands over batches, and waits until each is handled.
async fn process(system: System, count: u64) -> nether::Result<()> {
    for _ in 0..count / BATCH {
        let ctx = system.context();
        for number in 0..BATCH {
            ctx.process(Add(black_box(number))).await?;
        }
        ctx.close().await?;
    }
    Ok(())
}

async fn send(system: System, count: u64) -> nether::Result<()> {
    let ctx = system.context();
    for number in 0..count {
        ctx.send(Add(black_box(number))).await?;
    }
    ctx.close().await?;
    Ok(())
}

async fn ask(system: System, count: u64) -> nether::Result<()> {
    let ctx = system.context();
    for _ in 0..count {
        black_box(ctx.ask(SharedTotal).await?);
    }
    ctx.close().await?;
    Ok(())
}

async fn publish(system: System, count: u64) -> nether::Result<()> {
    for _ in 0..count / BATCH {
        let ctx = system.context();
        for number in 0..BATCH {
            ctx.publish(Added(black_box(number))).await?;
        }
        ctx.close().await?;
    }
    Ok(())
}

async fn context_per_command(system: System, count: u64) -> nether::Result<()> {
    for number in 0..count {
        let ctx = system.context();
        ctx.send(Add(black_box(number))).await?;
        ctx.close().await?;
    }
    Ok(())
}

/// Many tasks that call one module.
async fn callers(system: System, count: u64) -> nether::Result<()> {
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| tokio::spawn(send(system.clone(), count / CALLERS)))
        .collect();
    for caller in callers {
        caller.await??;
    }
    Ok(())
}
