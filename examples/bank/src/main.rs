//! A bank that keeps what happened: `cargo run -p bank`.
//!
//! Accounts decide, a saga transfers, a projection knows the balances; all of it in one file, `bank.db`. The
//! names of customers are in it too, encrypted; the keys are in `bank.keys`.
//! Without arguments the program shows what becomes of a transfer in the middle of which the bank is killed:
//! it starts itself twice; and then how its file is lost, and a backup restored that was made meanwhile.
//! `cargo run -p bank -- serve bank.db 127.0.0.1:8080` is the bank alone, `-- backup bank.db copy.db` makes a
//! backup of one that runs, and `-- rebuild bank.db` makes its balances anew of what happened.
//! The program `bank-postgres` is the same bank in a database of PostgreSQL.

mod balances;
mod losing_the_file;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use bank::progress;
use bank::transfer::InspectionTime;
use nether::eventstore::Store;
use nether::prelude::*;
use nether_sqlite::{SqliteKeys, SqliteStore};

use crate::balances::Balances;

/// Where the bank keeps everything.
#[derive(Debug, Clone)]
pub struct BankFile(pub PathBuf);

/// Opens the bank in that file.
async fn open(
    builder: SystemBuilder,
    file: PathBuf,
    inspection: Duration,
) -> nether::Result<(System, Store)> {
    let keys = SqliteKeys::open(file.with_extension("keys"))?;
    let store = Store::new(SqliteStore::open(&file)?).subject_keys(keys);
    let builder = builder.provide(store.clone()).provide(BankFile(file));
    let system = builder.provide(InspectionTime(inspection)).start().await?;
    Ok((system, store))
}

#[nether::main]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", file, address] => serve(builder, file, address, "0").await,
        ["serve", file, address, seconds] => serve(builder, file, address, seconds).await,
        ["backup", file, target] => backup(file, target).await,
        ["rebuild", file] => rebuild(builder, file).await,
        _ => tokio::task::spawn_blocking(losing_the_file::run).await?,
    }
}

/// Serves the bank until the process is stopped.
async fn serve(
    builder: SystemBuilder,
    file: &str,
    address: &str,
    seconds: &str,
) -> nether::Result<()> {
    let inspection = Duration::from_secs(seconds.parse()?);
    let (system, _) = open(builder, file.into(), inspection).await?;
    tokio::spawn(progress::show(system.clone()));
    system.serve(address).await
}

/// Makes a backup of a bank, which another process may be running.
async fn backup(file: &str, target: &str) -> nether::Result<()> {
    let store = SqliteStore::options().read_only(true).open(file)?;
    let backup = store.backup_to(target).await?;
    println!("{} events, {} bytes", backup.head, backup.bytes);
    Ok(())
}

/// Makes the balances anew, and shows how far that is.
async fn rebuild(builder: SystemBuilder, file: &str) -> nether::Result<()> {
    let (system, store) = open(builder, file.into(), Duration::ZERO).await?;
    let shown = tokio::spawn(progress::show(system.clone()));
    store.projection::<Balances>()?.rebuild().await?;
    println!("the balances are made of {} events", store.head().await?);
    system.shutdown().await;
    Ok(shown.await?)
}
