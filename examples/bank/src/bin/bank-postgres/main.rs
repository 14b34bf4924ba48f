//! The same bank in a database of PostgreSQL: `cargo run -p bank --bin bank-postgres --
//! postgres://localhost/bank`.
//!
//! It shows what becomes of a transfer in the middle of which the bank is killed, as `bank` does; the
//! database is to be empty. `-- serve postgres://localhost/bank bank.keys 127.0.0.1:8080` is the bank alone,
//! of which several may run beside each other, and `-- rebuild postgres://localhost/bank bank.keys` makes its
//! balances anew of what happened. `-- import bank.db postgres://localhost/bank` moves a bank from the file
//! of `bank` to an empty database.

mod balances;

use std::time::Duration;

use bank::demonstration;
use bank::progress;
use bank::transfer::InspectionTime;
use nether::eventstore::Store;
use nether::prelude::*;
use nether_postgres::PostgresStore;
use nether_postgres::deadpool_postgres::{Manager, Pool};
use nether_postgres::tokio_postgres::NoTls;
use nether_sqlite::{SqliteKeys, SqliteStore};

use crate::balances::Balances;

/// Opens the bank in that database. The keys of its customers are in a file beside it.
async fn open(
    builder: SystemBuilder,
    address: &str,
    keys: &str,
    inspection: Duration,
) -> nether::Result<(System, Store)> {
    let keys = SqliteKeys::open(keys)?;
    let store = Store::new(PostgresStore::connect(address).await?).subject_keys(keys);
    let readers = Pool::builder(Manager::new(address.parse()?, NoTls)).build()?;
    let builder = builder.provide(store.clone()).provide(readers);
    let system = builder.provide(InspectionTime(inspection)).start().await?;
    Ok((system, store))
}

#[nether::main]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", database, keys, address] => serve(builder, database, keys, address, "0").await,
        ["serve", database, keys, address, seconds] => {
            serve(builder, database, keys, address, seconds).await
        }
        ["import", file, database] => import(file, database).await,
        ["rebuild", database, keys] => rebuild(builder, database, keys).await,
        [database] => {
            let database = database.to_owned();
            tokio::task::spawn_blocking(move || demonstrate(&database)).await?
        }
        _ => Err(nether::Error::msg(
            "give it the address of a database: `postgres://user@localhost/bank`",
        )),
    }
}

/// Serves the bank until the process is stopped.
async fn serve(
    builder: SystemBuilder,
    database: &str,
    keys: &str,
    address: &str,
    seconds: &str,
) -> nether::Result<()> {
    let inspection = Duration::from_secs(seconds.parse()?);
    let (system, _) = open(builder, database, keys, inspection).await?;
    tokio::spawn(progress::show(system.clone()));
    system.serve(address).await
}

/// Moves the bank in a file to an empty database. Its customers' keys stay in their file.
async fn import(file: &str, database: &str) -> nether::Result<()> {
    let old = SqliteStore::options().read_only(true).open(file)?;
    let new = PostgresStore::connect(database).await?;
    let imported = new.import(&old).await?;
    println!("{} events were imported", imported.events);
    Ok(())
}

/// Makes the balances anew, and shows how far that is.
async fn rebuild(builder: SystemBuilder, database: &str, keys: &str) -> nether::Result<()> {
    let (system, store) = open(builder, database, keys, Duration::ZERO).await?;
    let shown = tokio::spawn(progress::show(system.clone()));
    store.projection::<Balances>()?.rebuild().await?;
    println!("the balances are made of {} events", store.head().await?);
    system.shutdown().await;
    Ok(shown.await?)
}

/// Shows a transfer in the middle of which the bank is killed.
fn demonstrate(database: &str) -> nether::Result<()> {
    let folder = demonstration::Folder::new()?;
    let keys = folder.path().join("bank.keys");
    demonstration::transfer(&[database.as_ref(), keys.as_os_str()])?;
    Ok(())
}
