//! A small bank: an aggregate, a projection into a table, and an exclusive module that writes beside them.

use nether::eventstore::{Expected, Position, Store, StreamId};
use nether::prelude::*;
use nether_postgres::{PostgresStore, PostgresTransaction, SharedTransaction};
use nether_postgres_tests::Database;
use tokio_postgres::Client;

#[event(name = "bank.deposited")]
pub struct Deposited {
    pub account: String,
    pub cents: i64,
}

#[command(key = account, reply = i64)]
pub struct Deposit {
    pub account: String,
    pub cents: i64,
}

/// An account: its sum.
#[derive(Default)]
pub struct Account(i64);

#[aggregate(name = "account", handles = [Deposit], events = [Deposited])]
impl Account {
    fn deposit(&self, command: Deposit) -> Deposited {
        Deposited {
            account: command.account,
            cents: command.cents,
        }
    }

    fn deposited(&mut self, event: &Deposited) {
        self.0 += event.cents;
    }
}

impl From<&Account> for i64 {
    fn from(account: &Account) -> i64 {
        account.0
    }
}

/// The sums of all accounts, in a table.
#[derive(Default)]
pub struct Sums;

#[projection(name = "sums", handles = [Deposited], transaction = PostgresTransaction)]
impl Sums {
    async fn deposited(
        &mut self,
        event: &Deposited,
        at: Position,
        transaction: &PostgresTransaction<'_>,
    ) -> nether::Result<()> {
        let sql = "INSERT INTO sums VALUES ($1, $2, $3)";
        let at = at.0.cast_signed();
        transaction
            .execute(sql, &[&at, &event.account, &event.cents])
            .await?;
        Ok(())
    }

    #[on_rebuild]
    async fn clear(&mut self, transaction: &PostgresTransaction<'_>) -> nether::Result<()> {
        Ok(transaction.batch_execute("DELETE FROM sums").await?)
    }
}

/// Notes a visit, and that it has happened; all in one transaction.
#[command]
pub struct Visit {
    pub guest: String,
    pub fails: bool,
}

/// The second part of a visit, by another handler in the same unit of work.
#[event]
pub struct VisitNoted {
    pub guest: String,
}

#[event(name = "bank.visited")]
pub struct Visited {
    pub guest: String,
}

pub struct Reception {
    database: Resource<PostgresStore>,
    store: Resource<Store>,
}

#[module(handles = [Visit, VisitNoted])]
impl Reception {
    #[init]
    fn new(database: Resource<PostgresStore>, store: Resource<Store>) -> Self {
        Reception { database, store }
    }

    async fn visit(&self, command: Visit, ctx: &Context<Self>) -> nether::Result<()> {
        let transaction = self.transaction(ctx).await?;
        let sql = "INSERT INTO visits VALUES ($1, 1)";
        transaction.execute(sql, &[&command.guest]).await?;
        let guest = command.guest;
        ctx.publish(VisitNoted { guest }).await?;
        match command.fails {
            true => Err(nether::Error::msg("the guest has left")),
            false => Ok(()),
        }
    }

    async fn noted(&self, event: &VisitNoted, ctx: &Context<Self>) -> nether::Result<()> {
        let transaction = self.transaction(ctx).await?;
        let sql = "UPDATE visits SET count = count + 1 WHERE guest = $1";
        let changed = transaction.execute(sql, &[&event.guest]).await?;
        assert_eq!(changed, 1, "it is the transaction of the command");
        let stream = StreamId::new("guest", &event.guest);
        let guest = event.guest.clone();
        let visited = Visited { guest };
        let first = Expected::Version(0);
        let append = self
            .store
            .prepare_append(ctx, stream, first, [visited])
            .await?;
        transaction.append(append)?;
        Ok(())
    }
}

impl Reception {
    async fn transaction(&self, ctx: &Context<Self>) -> nether::Result<SharedTransaction> {
        ctx.transaction(async || Ok(self.database.begin().await?))
            .await
    }
}

/// The tables of the program.
pub const TABLES: &str =
    "CREATE TABLE sums (position bigint PRIMARY KEY, account text NOT NULL, cents bigint NOT NULL);
    CREATE TABLE visits (guest text PRIMARY KEY, count bigint NOT NULL)";

/// The bank, on that database.
pub async fn start(database: &Database<'_>) -> (System, Store, Client) {
    let client = database.client().await;
    client
        .batch_execute(TABLES)
        .await
        .expect("they are not there");
    let (system, store) = open(&database.address()).await;
    (system, store, client)
}

/// The bank, where its tables are.
pub async fn open(address: &str) -> (System, Store) {
    let database = PostgresStore::connect(address)
        .await
        .expect("the server is there");
    let store = Store::new(database.clone());
    let system = System::builder().provide(store.clone()).provide(database);
    let system = system.start().await.expect("the bank starts");
    (system, store)
}

/// Waits until the projection has handled all that is stored.
pub async fn caught_up(store: &Store) {
    let head = store.head().await.expect("it can be read");
    let projection = store.projection::<Sums>().expect("it runs");
    projection.wait_for(head).await.expect("it gets there");
}

/// A number that a query returns.
pub async fn number(client: &Client, sql: &str) -> i64 {
    client
        .query_one(sql, &[])
        .await
        .expect("it can be read")
        .get(0)
}
