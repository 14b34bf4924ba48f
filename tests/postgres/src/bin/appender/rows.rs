//! The projection, which writes a row and adds to a sum for each number: within the transactions of the
//! store, or beside them.

use std::sync::atomic::{AtomicBool, Ordering};

use nether::eventstore::{LeaseLost, LeaseTaken, Position};
use nether::prelude::*;
use nether_postgres::PostgresTransaction;
use nether_postgres::deadpool_postgres::Pool;
use tokio::sync::watch;

use crate::lists::Added;

/// The name of this process.
pub(crate) struct Writer(pub(crate) String);

/// A row with the epoch of the lease as it is in the moment of the write.
const ROW: &str = "INSERT INTO effects (position, key, number, process, epoch) \
    SELECT $1, $2, $3, $4, (convert_from(content, 'UTF8')::json ->> 'epoch')::bigint \
    FROM nether.documents WHERE collection = 'lease' AND key = 'rows'";

const SUM: &str = "INSERT INTO sums VALUES ($1, $2) \
    ON CONFLICT (key) DO UPDATE SET sum = sums.sum + excluded.sum";

/// Holds the handler of one number, before or after its writes, until the process is ordered to go on.
pub(crate) struct Hold {
    /// Such as `before 7`.
    place: Option<String>,
    was_held: AtomicBool,
    go: watch::Receiver<bool>,
}

impl Hold {
    pub(crate) fn new(place: Option<String>, go: watch::Receiver<bool>) -> Self {
        Hold {
            place,
            was_held: AtomicBool::new(false),
            go,
        }
    }

    async fn before(&self, number: u64) {
        self.at(&format!("before {number}")).await;
    }

    async fn after(&self, number: u64) {
        self.at(&format!("after {number}")).await;
    }

    async fn at(&self, place: &str) {
        if self.place.as_deref() == Some(place) && !self.was_held.swap(true, Ordering::Relaxed) {
            println!("holding");
            let _ = self.go.clone().wait_for(|go| *go).await;
        }
    }
}

/// Writes in the transaction of its checkpoint.
pub(crate) struct RowsWithin {
    writer: Resource<Writer>,
    hold: Resource<Hold>,
}

#[projection(name = "rows", handles = [Added], transaction = PostgresTransaction)]
impl RowsWithin {
    #[init]
    fn new(writer: Resource<Writer>, hold: Resource<Hold>) -> Self {
        RowsWithin { writer, hold }
    }

    async fn added(
        &mut self,
        event: &Added,
        at: Position,
        transaction: &PostgresTransaction<'_>,
    ) -> nether::Result<()> {
        let (at, number) = (at.0.cast_signed(), event.number.cast_signed());
        let row = transaction
            .execute(ROW, &[&at, &event.key, &number, &self.writer.0])
            .await?;
        assert_eq!(row, 1, "there is a lease");
        transaction.execute(SUM, &[&event.key, &number]).await?;
        self.hold.after(event.number).await;
        Ok(())
    }

    #[on_rebuild]
    async fn clear(&mut self, transaction: &PostgresTransaction<'_>) -> nether::Result<()> {
        Ok(transaction
            .batch_execute("DELETE FROM effects; DELETE FROM sums")
            .await?)
    }
}

/// Writes on a connection of its own, so that neither the lease nor the checkpoint guards what it writes.
pub(crate) struct RowsBeside {
    writer: Resource<Writer>,
    hold: Resource<Hold>,
    pool: Resource<Pool>,
}

#[projection(name = "rows", handles = [Added])]
impl RowsBeside {
    #[init]
    fn new(writer: Resource<Writer>, hold: Resource<Hold>, pool: Resource<Pool>) -> Self {
        RowsBeside { writer, hold, pool }
    }

    async fn added(&mut self, event: &Added, at: Position) -> nether::Result<()> {
        let (at, number) = (at.0.cast_signed(), event.number.cast_signed());
        self.hold.before(event.number).await;
        let client = self.pool.get().await?;
        client
            .execute(ROW, &[&at, &event.key, &number, &self.writer.0])
            .await?;
        client.execute(SUM, &[&event.key, &number]).await?;
        self.hold.after(event.number).await;
        Ok(())
    }

    #[on_rebuild]
    async fn clear(&mut self) -> nether::Result<()> {
        let client = self.pool.get().await?;
        Ok(client
            .batch_execute("DELETE FROM effects; DELETE FROM sums")
            .await?)
    }
}

/// Reports when leases change hands.
#[derive(Default)]
pub(crate) struct LeaseReport;

#[module(handles = [LeaseTaken, LeaseLost])]
impl LeaseReport {
    async fn taken(&self, event: &LeaseTaken) {
        println!("taken {} {}", event.name, event.epoch);
    }

    async fn lost(&self, event: &LeaseLost) {
        println!("lost {} {}", event.name, event.epoch);
    }
}
