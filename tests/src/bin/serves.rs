//! A program that runs until it is stopped, for `tests/entry.rs`.

use nether::prelude::*;

#[command]
struct Work;

#[derive(Default)]
struct Worker;

#[module(handles = Work)]
impl Worker {
    async fn work(&mut self, _: Work) {}

    #[on_stop]
    async fn stop(&mut self) {
        println!("stopped in order");
    }
}

/// Starts the system itself, with `main`'s builder.
#[nether::main(worker_threads = 2)]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    let system = builder.mailbox(16).start().await?;
    system.scope(async |ctx| Ok(ctx.send(Work).await?)).await?;
    println!("ready");
    if std::env::args().any(|argument| argument == "--for-ever") {
        std::future::pending::<()>().await;
    }
    let report = system.wait_for_shutdown().await;
    println!("{report}");
    Ok(())
}
