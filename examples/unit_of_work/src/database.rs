//! An SQLite transaction that a unit of work shares.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nether::{Caller, Error, Result, Transaction};
use rusqlite::{Connection, Params};

/// Where the database is: a resource that modules are given.
#[derive(Debug, Clone)]
pub(crate) struct Database(PathBuf);

impl Database {
    /// Makes its tables.
    pub(crate) fn create(path: impl AsRef<Path>) -> Result<Self> {
        let database = Database(path.as_ref().to_path_buf());
        database.open()?.execute_batch(
            "CREATE TABLE orders (article TEXT NOT NULL, pieces INTEGER NOT NULL);
             CREATE TABLE stock (article TEXT PRIMARY KEY, pieces INTEGER NOT NULL);
             INSERT INTO stock VALUES ('tea', 5);",
        )?;
        Ok(database)
    }

    /// Opens it, to look at what is committed.
    pub(crate) fn open(&self) -> Result<Connection> {
        Ok(Connection::open(&self.0)?)
    }

    /// The transaction of this unit of work: begun by the first module that writes, committed or rolled back
    /// when it ends.
    pub(crate) async fn transaction<S: Caller>(&self, ctx: &nether::Context<S>) -> Result<Sql> {
        ctx.transaction(async || {
            let connection = self.open()?;
            connection.execute_batch("BEGIN IMMEDIATE")?;
            Ok(Sql(Arc::new(Mutex::new(Some(connection)))))
        })
        .await
    }
}

/// A handle to a transaction. There is no connection any more once it is over.
#[derive(Debug, Clone)]
pub(crate) struct Sql(Arc<Mutex<Option<Connection>>>);

impl Sql {
    /// Runs a statement, and tells how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, values: impl Params) -> Result<usize> {
        let connection = self.connection();
        let open = connection.as_ref();
        let open = open.ok_or_else(|| Error::msg("the transaction is over"))?;
        Ok(open.execute(sql, values)?)
    }

    fn end(self, sql: &str) -> Result<()> {
        self.execute(sql, [])?;
        *self.connection() = None;
        Ok(())
    }

    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transaction for Sql {
    async fn commit(self) -> Result<()> {
        self.end("COMMIT")
    }

    async fn rollback(self) -> Result<()> {
        self.end("ROLLBACK")
    }
}
