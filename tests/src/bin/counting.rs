//! A program that counts, to be killed: `counting exclusive|shared <file>`. For each command that was
//! answered it prints a line, `<counter> <version>`.

use std::io::Write;
use std::process::ExitCode;

use nether::eventstore::Store;
use nether::prelude::*;
use nether_sqlite::{SqliteStore, SqliteTransaction};

/// How many count at the same time, and how many counters there are.
const TASKS: u64 = 8;
const COUNTERS: u64 = 5;

/// Count further.
#[command(key = counter, reply = Count)]
pub struct Add {
    /// Which counter.
    pub counter: u64,
}

/// A counter was counted further.
#[event(name = "counting.added")]
pub struct Added {
    /// Which counter.
    pub counter: u64,
    /// What it is now.
    pub count: u64,
}

/// What a counter is.
#[derive(Debug)]
pub struct Count(u64);

/// A counter.
#[derive(Debug, Default)]
pub struct Counter {
    count: u64,
}

#[aggregate(handles = [Add], events = [Added])]
impl Counter {
    fn add(&self, add: Add) -> Added {
        Added {
            counter: add.counter,
            count: self.count + 1,
        }
    }

    fn added(&mut self, event: &Added) {
        self.count = event.count;
    }
}

impl From<&Counter> for Count {
    fn from(counter: &Counter) -> Self {
        Count(counter.count)
    }
}

/// The table `totals`.
#[derive(Debug, Default)]
pub struct Totals;

#[projection(handles = [Added], transaction = SqliteTransaction)]
impl Totals {
    fn added(&mut self, event: &Added, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS totals (counter INTEGER PRIMARY KEY, total INTEGER)",
        )?;
        let sql = "INSERT INTO totals VALUES (?1, 1) ON CONFLICT DO UPDATE SET total = total + 1";
        tx.execute(sql, [event.counter.cast_signed()])?;
        Ok(())
    }
}

/// Counts without end.
async fn count(system: System, task: u64) -> nether::Result<()> {
    let mut next = task;
    loop {
        next += 1;
        let counter = next % COUNTERS;
        let ctx = system.context();
        let Count(count) = ctx.send(Add { counter }).await?;
        ctx.close().await?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{counter} {count}")?;
        out.flush()?;
    }
}

async fn run() -> nether::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, file] = &arguments[..] else {
        return Err(nether::Error::msg("counting exclusive|shared <file>"));
    };
    let options = SqliteStore::options().shared(mode == "shared");
    let store = Store::new(options.open(file)?);
    let system = System::builder().provide(store).start().await?;
    let counting = (0..TASKS).map(|task| tokio::spawn(count(system.clone(), task)));
    let counting: Vec<_> = counting.collect();
    for counting in counting {
        counting.await??;
    }
    Ok(())
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    match runtime.block_on(run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
