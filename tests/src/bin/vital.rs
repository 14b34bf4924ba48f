//! A program with an essential module that crashes, for `tests/entry.rs`. What it is called with says how,
//! and whether its `main` waits for the system.

use nether::prelude::*;

#[derive(Default)]
struct Witness;

#[module(handles = [])]
impl Witness {
    #[on_stop]
    fn stop(&self) {
        println!("stopped in order");
    }
}

#[command]
struct Once;

#[derive(Default)]
struct Fragile;

#[module(handles = Once, restart = "never", essential)]
impl Fragile {
    async fn once(&mut self, _: Once) {
        panic!("as asked");
    }
}

#[command]
struct Often;

#[derive(Default)]
struct Brittle;

#[module(handles = Often, max_restarts = "1 in 30s", essential)]
impl Brittle {
    async fn often(&mut self, _: Often) {
        panic!("as asked");
    }
}

#[nether::main]
async fn main(system: System) -> nether::Result<()> {
    let said = |word: &str| std::env::args().any(|argument| argument == word);
    let ctx = system.context();
    let _ = if said("often") {
        ctx.process(Often).await?;
        ctx.process(Often).await
    } else {
        ctx.process(Once).await
    };
    if said("waits") {
        let report = system.wait_for_shutdown().await;
        println!("{} failed", report.failed);
    } else {
        std::future::pending::<()>().await;
    }
    Ok(())
}
