//! Balances: a table beside the events, kept by the transactions that say how far it is. It is read as any
//! table is.

use nether::Problem;
use nether::prelude::*;
use nether_sqlite::SqliteTransaction;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::BankFile;
use crate::account::{Credited, Debited, Deposited, Opened};

/// What is in an account.
#[query(reply = Balance, error = BalanceError, http = "GET /accounts/{account_id}")]
pub struct BalanceOf {
    /// Which account.
    pub account_id: String,
}

/// What is in an account.
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

/// Keeps the table `balances`.
#[derive(Debug)]
pub struct Balances {
    file: Resource<BankFile>,
}

#[projection(
    handles = [Opened, Deposited, Debited, Credited, BalanceOf],
    transaction = SqliteTransaction
)]
impl Balances {
    #[init]
    fn new(file: Resource<BankFile>) -> Self {
        Balances { file }
    }

    fn opened(&mut self, event: &Opened, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS balances (account TEXT PRIMARY KEY, cents INTEGER NOT NULL)",
        )?;
        tx.execute("INSERT INTO balances VALUES (?, 0)", [&event.account_id])?;
        Ok(())
    }

    fn deposited(&mut self, event: &Deposited, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        add(tx, &event.account_id, event.cents.cast_signed())
    }

    fn debited(&mut self, event: &Debited, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        add(tx, &event.account_id, -event.cents.cast_signed())
    }

    fn credited(&mut self, event: &Credited, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        add(tx, &event.account_id, event.cents.cast_signed())
    }

    #[on_rebuild]
    fn clear(&mut self, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        Ok(tx.execute_batch("DROP TABLE IF EXISTS balances")?)
    }

    fn balance(&self, query: BalanceOf) -> Result<Balance, BalanceError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let file = Connection::open_with_flags(&self.file.0, flags)?;
        let is_there = file.table_exists(None, "balances")?;
        let sql = "SELECT cents FROM balances WHERE account = ?";
        let cents = if is_there {
            file.query_row(sql, [&query.account_id], |row| row.get::<_, i64>(0))
                .optional()?
        } else {
            None
        };
        let cents = cents.ok_or(BalanceError::Unknown(query.account_id))?;
        Ok(Balance {
            cents: cents.cast_unsigned(),
        })
    }
}

fn add(tx: &SqliteTransaction<'_>, account: &str, cents: i64) -> nether::Result<()> {
    let sql = "UPDATE balances SET cents = cents + ?2 WHERE account = ?1";
    tx.execute(sql, (account, cents))?;
    Ok(())
}
