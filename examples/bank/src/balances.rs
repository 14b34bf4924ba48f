//! Balances: a table beside the events, kept by the transactions that say how far it is. It is read as any
//! table is, also while a rebuild fills another one that takes its place.

use nether::Problem;
use nether::eventstore::Tables;
use nether::prelude::*;
use nether_sqlite::SqliteTransaction;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::BankFile;
use crate::account::{Credited, Debited, Deposited, Opened};

/// Asks for the balance of an account.
#[query(reply = Balance, error = BalanceError, http = "GET /accounts/{account_id}")]
pub struct BalanceOf {
    /// Which account.
    pub account_id: String,
}

/// The balance of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// So much.
    pub cents: u64,
}

/// Why there is no balance.
#[derive(Debug, thiserror::Error, Problem)]
pub enum BalanceError {
    /// There is no such account.
    #[error("there is no account `{0}`")]
    #[problem(status = 404)]
    Unknown(String),
    /// The file cannot be read.
    #[error("the balances cannot be read")]
    #[problem(status = 503)]
    Unreadable(#[from] rusqlite::Error),
}

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
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let file = Connection::open_with_flags(&self.file.0, flags)?;
        let is_there = file.table_exists(None, &*self.table)?;
        let sql = format!("SELECT cents FROM {} WHERE account = ?", self.table);
        let cents = if is_there {
            file.query_row(&sql, [&query.account_id], |row| row.get::<_, i64>(0))
                .optional()?
        } else {
            None
        };
        let cents = cents.ok_or(BalanceError::Unknown(query.account_id))?;
        Ok(Balance {
            cents: cents.cast_unsigned(),
        })
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
