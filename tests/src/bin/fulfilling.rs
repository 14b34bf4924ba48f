//! A program that fulfils orders, beside others that do the same with the same file:
//! `fulfilling <file of the store> <file of what was shipped> <lease time in milliseconds>`, until it is
//! stopped in order or killed.
//!
//! It prints `runs` once its system has started. `shipped <order> <id of the command>` is a line of the
//! second file, as an effect outside of the store.

use std::fs::File;
use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use nether::eventstore::{CommandId, Step, Store};
use nether::prelude::*;
use nether_sqlite::{Durability, SqliteStore, SqliteTransaction};
use serde::{Deserialize, Serialize};

#[event(name = "fulfilling.ordered")]
pub struct Ordered {
    pub order: u32,
}

#[event(name = "fulfilling.charged")]
pub struct Charged {
    pub order: u32,
}

#[command(name = "fulfilling.charge", key = order)]
pub struct Charge {
    pub order: u32,
}

#[command(name = "fulfilling.ship")]
pub struct Ship {
    pub order: u32,
}

/// Charges each time it decides upon a command: only the id of the command prevents a second charge.
#[derive(Default)]
pub struct Card;

#[aggregate(handles = [Charge], events = [Charged])]
impl Card {
    fn charge(&self, charge: Charge) -> Charged {
        Charged {
            order: charge.order,
        }
    }

    fn charged(&mut self, _: &Charged) {}
}

pub struct Dock {
    shipped: Mutex<File>,
}

#[module(handles = [Ship])]
impl Dock {
    #[init]
    fn new(shipped: Resource<Shipped>) -> nether::Result<Self> {
        let file = File::options().append(true).create(true).open(&shipped.0)?;
        Ok(Dock {
            shipped: Mutex::new(file),
        })
    }

    fn ship(&self, ship: Ship, ctx: &Context<Self>) -> nether::Result<()> {
        let id = *ctx.baggage::<CommandId>().expect("the saga gives it one");
        let line = format!("shipped {} {id}\n", ship.order);
        let mut file = self.shipped.lock().expect("no holder panics");
        file.write_all(line.as_bytes())?;
        Ok(())
    }
}

/// Where the lines go that say what was shipped.
pub struct Shipped(std::path::PathBuf);

#[derive(Default, Serialize, Deserialize)]
pub struct Fulfilment {}

#[saga(key = order, handles = [Ordered, Charged], starts = [Ordered], ends = [Charged], sends = [Charge, Ship])]
impl Fulfilment {
    fn ordered(&mut self, event: &Ordered, step: &mut Step<Self>) {
        step.send(Charge { order: event.order });
    }

    fn charged(&mut self, event: &Charged, step: &mut Step<Self>) {
        step.send(Ship { order: event.order });
    }
}

/// How often each order was sold, in the file of the store.
#[derive(Default)]
pub struct Sales;

#[projection(handles = [Ordered, Charged], transaction = SqliteTransaction)]
impl Sales {
    fn ordered(&mut self, event: &Ordered, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        count("ordered", event.order, tx)
    }

    fn charged(&mut self, event: &Charged, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        count("charged", event.order, tx)
    }
}

fn count(what: &str, order: u32, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
    let sql = "INSERT INTO sales VALUES (?1, ?2, 1) ON CONFLICT DO UPDATE SET times = times + 1";
    tx.prepare_cached(sql)?.execute((what, order))?;
    Ok(())
}

#[nether::main]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let mut next = || arguments.next().expect("it is called with three arguments");
    let (file, shipped, lease_time) = (next(), next(), next());
    let lease_time = lease_time.to_string_lossy().parse()?;
    // What is with the operating system survives a kill.
    let options = SqliteStore::options().durability(Durability::Normal);
    let sqlite = options.shared(true).open(file)?;
    let table = "CREATE TABLE IF NOT EXISTS sales (what TEXT, number INTEGER, times INTEGER, PRIMARY KEY (what, number))";
    let created = sqlite.transaction(|transaction| Ok(transaction.execute_batch(table)?));
    created.await?;
    let builder = builder
        .provide(Store::new(sqlite).lease_time(Duration::from_millis(lease_time)))
        .provide(Shipped(shipped.into()));
    let system = builder.start().await?;
    println!("runs");
    system.wait_for_shutdown().await;
    Ok(())
}
