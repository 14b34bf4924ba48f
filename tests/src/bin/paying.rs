//! A server that takes payments under keys, to be killed: `paying <file> [--hold]`. It prints its address;
//! with `--hold` each payment prints `begun` and does not end.

use std::future::pending;

use nether::eventstore::Store;
use nether::http::{Server, StartServer};
use nether::prelude::*;
use nether_sqlite::SqliteStore;

/// Pays at an exclusive module.
#[command(reply = String, http = "POST /exclusive")]
pub struct PayAlone;

/// Pays at a shared one.
#[command(reply = String, http = "POST /shared")]
pub struct PayBeside;

nether_tests::account!();

async fn hold() {
    if std::env::args().any(|argument| argument == "--hold") {
        println!("begun");
        pending::<()>().await;
    }
}

/// An exclusive module.
#[derive(Debug, Default)]
pub struct Till;

#[module(handles = PayAlone)]
impl Till {
    async fn pay(&mut self, _: PayAlone) -> String {
        hold().await;
        "paid".to_owned()
    }
}

/// A shared module, which also hears of deposits once they are stored.
#[derive(Debug, Default)]
pub struct Desk;

#[module(handles = [PayBeside, Deposited])]
impl Desk {
    async fn pay(&self, _: PayBeside) -> String {
        hold().await;
        "paid".to_owned()
    }

    async fn deposited(&self, _: &Deposited) {
        hold().await;
    }
}

#[nether::main]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    let file = std::env::args().nth(1).expect("a file is given");
    let store = Store::new(SqliteStore::open(file)?);
    let system = builder.provide(store).start().await?;
    system.attach(Server::new(&system)).await?;
    let address = "127.0.0.1:0".to_owned();
    let start = async |ctx: &Context| Ok(ctx.send(StartServer { address }).await?);
    println!("{}", system.scope(start).await?);
    system.wait_for_shutdown().await;
    Ok(())
}
