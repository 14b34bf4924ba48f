//! Balances: a table beside the events, kept by the transactions that say how far it is. It is read as any
//! table is, also while a rebuild fills another one that takes its place.

use bank::account::{Credited, Debited, Deposited, Opened};
use bank::balance::{Balance, BalanceError, BalanceOf, balance};
use nether::eventstore::Tables;
use nether::prelude::*;
use nether_postgres::PostgresTransaction;
use nether_postgres::deadpool_postgres::Pool;

/// Keeps the table `balances`, or after a rebuild the one that was filled beside it.
#[derive(Debug)]
pub struct Balances {
    pool: Resource<Pool>,
    table: String,
}

#[projection(
    handles = [Opened, Deposited, Debited, Credited, BalanceOf],
    transaction = PostgresTransaction
)]
impl Balances {
    #[init]
    fn new(pool: Resource<Pool>, tables: Tables) -> Self {
        let table = tables.name("balances");
        Balances { pool, table }
    }

    async fn opened(&mut self, event: &Opened, tx: &PostgresTransaction<'_>) -> nether::Result<()> {
        let table = &self.table;
        tx.batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (account text PRIMARY KEY, cents bigint NOT NULL)"
        ))
        .await?;
        let sql = format!("INSERT INTO {table} VALUES ($1, 0)");
        tx.execute(&sql, &[&event.account_id]).await?;
        Ok(())
    }

    async fn deposited(
        &mut self,
        event: &Deposited,
        tx: &PostgresTransaction<'_>,
    ) -> nether::Result<()> {
        let cents = event.cents.cast_signed();
        self.add(tx, &event.account_id, cents).await
    }

    async fn debited(
        &mut self,
        event: &Debited,
        tx: &PostgresTransaction<'_>,
    ) -> nether::Result<()> {
        let cents = -event.cents.cast_signed();
        self.add(tx, &event.account_id, cents).await
    }

    async fn credited(
        &mut self,
        event: &Credited,
        tx: &PostgresTransaction<'_>,
    ) -> nether::Result<()> {
        let cents = event.cents.cast_signed();
        self.add(tx, &event.account_id, cents).await
    }

    #[on_rebuild]
    async fn clear(&mut self, tx: &PostgresTransaction<'_>) -> nether::Result<()> {
        let sql = format!("DROP TABLE IF EXISTS {}", self.table);
        Ok(tx.batch_execute(&sql).await?)
    }

    async fn balance(&self, query: BalanceOf) -> Result<Balance, BalanceError> {
        let client = self.pool.get().await.map_err(BalanceError::unreadable)?;
        let is_there = "SELECT to_regclass($1) IS NOT NULL";
        let is_there = client.query_one(is_there, &[&self.table]).await;
        let row = match is_there.map_err(BalanceError::unreadable)?.get(0) {
            true => {
                let sql = format!("SELECT cents FROM {} WHERE account = $1", self.table);
                let row = client.query_opt(&sql, &[&query.account_id]).await;
                row.map_err(BalanceError::unreadable)?
            }
            false => None,
        };
        balance(query.account_id, row.map(|row| row.get(0)))
    }

    async fn add(
        &self,
        tx: &PostgresTransaction<'_>,
        account: &str,
        cents: i64,
    ) -> nether::Result<()> {
        let sql = format!(
            "UPDATE {} SET cents = cents + $2 WHERE account = $1",
            self.table
        );
        tx.execute(&sql, &[&account, &cents]).await?;
        Ok(())
    }
}
