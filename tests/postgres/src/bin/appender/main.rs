//! A process that appends numbers to lists, and runs the projection and the saga of them: several run on one
//! database.
//!
//! Its arguments are the address of the database, its name, the file of its journal, and how its projection
//! writes: `within` the transactions of the store, or `beside` them, which is the mistake that the checker
//! must find. Its standard input has its orders: `add <first> <count>` appends numbers, `go` lets a held
//! handler go on. It stops when the input ends, and reports on its standard output. `HOLD` in its
//! environment, such as `after 7`, is where the projection is held.

mod journal;
mod lists;
mod rows;

use std::ops::RangeFrom;
use std::time::Duration;

use nether::eventstore::{Aggregates, Position, Projections, Sagas, Store, StoreError};
use nether::prelude::*;
use nether_postgres::PostgresStore;
use nether_postgres::deadpool_postgres::{Manager, Pool};
use nether_postgres::tokio_postgres::NoTls;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::sync::watch;

use self::journal::Journal;
use self::lists::{Add, List, ListOf, NoteBook, Notes};
use self::rows::{Hold, LeaseReport, RowsBeside, RowsWithin, Writer};

/// How long a process may be silent before another one takes over.
const LEASE: Duration = Duration::from_secs(2);

/// How long it is before the store is read again that could not be read.
const PAUSE: Duration = Duration::from_millis(50);

/// The keys of the lists.
const KEYS: [&str; 4] = ["a", "b", "c", "d"];

#[nether::main]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, name, journal, effects] = &arguments[..] else {
        return Err(nether::Error::msg(
            "its arguments are an address, a name, a file and `within` or `beside`",
        ));
    };
    let (lets_go, go) = watch::channel(false);
    let hold = Hold::new(std::env::var("HOLD").ok(), go);
    let store = Store::new(PostgresStore::connect(address).await?).lease_time(LEASE);
    let own = Pool::builder(Manager::new(address.parse()?, NoTls)).build()?;
    let builder = builder
        .isolated()
        .with::<Aggregates<List>>()
        .with::<Aggregates<NoteBook>>()
        .with::<Sagas<Notes>>()
        .with::<LeaseReport>();
    let builder = match &**effects {
        "within" => builder.with::<Projections<RowsWithin>>(),
        _ => builder.with::<Projections<RowsBeside>>(),
    };
    let builder = builder
        .provide(store.clone())
        .provide(Writer(name.clone()))
        .provide(hold)
        .provide(own);
    let system = builder.start().await?;
    let journal = Journal::open(name, journal)?;
    tokio::spawn(follow(store, journal.clone()));
    println!("ready");
    let mut orders = BufReader::new(stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        let order: Vec<&str> = order.split(' ').collect();
        match order[..] {
            ["add", first, count] => {
                let numbers = first.parse()?..;
                tokio::spawn(add(
                    system.clone(),
                    journal.clone(),
                    numbers,
                    count.parse()?,
                ));
            }
            ["go"] => {
                lets_go.send_replace(true);
            }
            _ => return Err(nether::Error::msg(format!("there is no order {order:?}"))),
        }
    }
    system.shutdown().await;
    Ok(())
}

/// Appends so many numbers, one after the other, to one list after the other; and reads a list now and then.
async fn add(system: System, journal: Journal, numbers: RangeFrom<u64>, count: usize) {
    for (done, (number, key)) in numbers.zip(KEYS.iter().cycle()).take(count).enumerate() {
        if done % 10 == 0 {
            println!("did {done}");
        }
        let key = (*key).to_owned();
        if number % 5 == 0 {
            // Reads have numbers that nothing appends.
            let began = journal.begin(number + 500_000, &key, true);
            let list = system.context().ask(ListOf { key: key.clone() }).await;
            journal.end(began, list.map_err(|error| error.to_string()));
        }
        let began = journal.begin(number, &key, false);
        let list = system.context().send(Add { key, number }).await;
        journal.end(began, list.map_err(|error| error.to_string()));
    }
    println!("added");
}

/// Notes every position that there is, in the order in which it is seen.
async fn follow(store: Store, journal: Journal) -> Result<(), StoreError> {
    let mut events = store.subscribe(Position::START);
    loop {
        match events.next().await {
            Ok(event) => journal.saw(event.position.0),
            // A server that cannot be reached for a while; it goes on where it was.
            Err(error) if !error.is_permanent() => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
}
