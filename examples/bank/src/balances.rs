//! Balances: a table beside the events, kept by the transactions that say how far it is. It is read as any
//! table is, also while a rebuild fills another one that takes its place.

use bank::account::{Credited, Debited, Deposited, Opened};
use bank::balance::{Balance, BalanceError, BalanceOf, balance};
use nether::eventstore::Tables;
use nether::prelude::*;
use nether_sqlite::SqliteTransaction;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::BankFile;

/// Keeps the table `balances`, or after a rebuild the one that was filled beside it.
#[derive(Debug)]
pub struct Balances {
    file: Resource<BankFile>,
    table: String,
}

#[projection(
    handles = [Opened, Deposited, Debited, Credited, BalanceOf],
    transaction = SqliteTransaction
)]
impl Balances {
    #[init]
    fn new(file: Resource<BankFile>, tables: Tables) -> Self {
        let table = tables.name("balances");
        Balances { file, table }
    }

    fn opened(&mut self, event: &Opened, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        let table = &self.table;
        tx.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (account TEXT PRIMARY KEY, cents INTEGER NOT NULL)"
        ))?;
        let sql = format!("INSERT INTO {table} VALUES (?, 0)");
        tx.execute(&sql, [&event.account_id])?;
        Ok(())
    }

    fn deposited(&mut self, event: &Deposited, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        self.add(tx, &event.account_id, event.cents.cast_signed())
    }

    fn debited(&mut self, event: &Debited, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        self.add(tx, &event.account_id, -event.cents.cast_signed())
    }

    fn credited(&mut self, event: &Credited, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        self.add(tx, &event.account_id, event.cents.cast_signed())
    }

    #[on_rebuild]
    fn clear(&mut self, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        let sql = format!("DROP TABLE IF EXISTS {}", self.table);
        Ok(tx.execute_batch(&sql)?)
    }

    fn balance(&self, query: BalanceOf) -> Result<Balance, BalanceError> {
        let cents = self.cents(&query.account_id);
        balance(query.account_id, cents.map_err(BalanceError::unreadable)?)
    }

    fn cents(&self, account: &str) -> rusqlite::Result<Option<i64>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let file = Connection::open_with_flags(&self.file.0, flags)?;
        if !file.table_exists(None, &*self.table)? {
            return Ok(None);
        }
        let sql = format!("SELECT cents FROM {} WHERE account = ?", self.table);
        file.query_row(&sql, [account], |row| row.get(0)).optional()
    }

    fn add(&self, tx: &SqliteTransaction<'_>, account: &str, cents: i64) -> nether::Result<()> {
        let sql = format!(
            "UPDATE {} SET cents = cents + ?2 WHERE account = ?1",
            self.table
        );
        tx.execute(&sql, (account, cents))?;
        Ok(())
    }
}
