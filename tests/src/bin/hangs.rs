//! A program that does not stop by itself, for `tests/entry.rs`: its handler never returns, or (`--starting`)
//! its start does not.

use std::time::Duration;

use nether::prelude::*;

#[command]
struct Hang;

#[derive(Default)]
struct First;

#[module(handles = [])]
impl First {
    #[on_start]
    async fn start(&mut self) {
        println!("first started");
    }

    #[on_stop]
    async fn stop(&self) {
        println!("first stopped");
    }
}

#[derive(Default)]
struct Second;

#[module(handles = Hang, after = First)]
impl Second {
    #[on_start]
    async fn start(&mut self) {
        if std::env::args().any(|argument| argument == "--starting") {
            println!("ready");
            std::future::pending::<()>().await;
        }
    }

    async fn hang(&mut self, _: Hang) {
        println!("ready");
        std::future::pending::<()>().await;
    }
}

#[derive(Default)]
struct Third;

#[module(handles = [], after = Second)]
impl Third {
    #[on_start]
    async fn start(&mut self) {
        println!("third started");
    }
}

#[nether::main(worker_threads = 2)]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    let patience = match std::env::args().any(|argument| argument == "--patient") {
        true => Duration::from_secs(3600),
        false => Duration::from_millis(50),
    };
    let system = builder.shutdown_timeout(patience).start().await?;
    let _ = system.context().send(Hang).await; // No handler answers.
    Ok(())
}
