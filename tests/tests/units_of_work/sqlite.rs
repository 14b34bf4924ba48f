//! A unit of work on a real database: two modules write in one SQLite transaction.

use std::sync::{Arc, Mutex};

use nether::prelude::*;
use nether::{FailureKind, Transaction};
use rusqlite::Connection;

/// A transaction on an SQLite connection, shared by all that write in a unit of work. It is over once the
/// connection is taken.
#[derive(Clone)]
struct Sqlite(Arc<Mutex<Option<Connection>>>);

impl Sqlite {
    async fn begin(path: &std::path::Path) -> nether::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Sqlite(Arc::new(Mutex::new(Some(connection)))))
    }

    fn execute(&self, sql: &str) -> nether::Result<()> {
        let connection = self.0.lock().expect("no panic");
        let connection = connection.as_ref();
        connection
            .ok_or_else(|| nether::Error::msg("the transaction is over"))?
            .execute_batch(sql)?;
        Ok(())
    }

    fn end(self, sql: &str) -> nether::Result<()> {
        self.execute(sql)?;
        self.0.lock().expect("no panic").take();
        Ok(())
    }
}

impl Transaction for Sqlite {
    async fn commit(self) -> nether::Result<()> {
        self.end("COMMIT")
    }

    async fn rollback(self) -> nether::Result<()> {
        self.end("ROLLBACK")
    }
}

#[command]
struct Insert(String);

#[command]
struct InsertAndFail(String);

struct Table(std::path::PathBuf);

#[module(handles = Insert, manual)]
impl Table {
    async fn insert(&mut self, Insert(name): Insert, ctx: &Context<Self>) -> nether::Result<()> {
        let table = ctx
            .transaction(async || Sqlite::begin(&self.0).await)
            .await?;
        table.execute(&format!("INSERT INTO names VALUES ('{name}')"))
    }
}

struct BadTable(std::path::PathBuf);

#[module(handles = InsertAndFail, manual)]
impl BadTable {
    async fn insert(
        &mut self,
        InsertAndFail(name): InsertAndFail,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        let table = ctx
            .transaction(async || Sqlite::begin(&self.0).await)
            .await?;
        table.execute(&format!("INSERT INTO names VALUES ('{name}')"))?;
        Err(nether::Error::msg("after it wrote"))
    }
}

#[tokio::test]
async fn two_modules_write_in_one_sqlite_transaction_or_not_at_all() -> nether::Result<()> {
    let folder = std::env::temp_dir().join(format!("nether-transactions-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("names.sqlite");
    let looking = Connection::open(&path)?;
    looking.execute_batch("CREATE TABLE names (name TEXT)")?;
    let names = || -> nether::Result<Vec<String>> {
        let mut all = looking.prepare("SELECT name FROM names ORDER BY name")?;
        let all = all.query_map([], |row| row.get(0))?;
        Ok(all.collect::<Result<_, _>>()?)
    };
    let system = System::builder().isolated().start().await?;
    system.attach(Table(path.clone())).await?;
    system.attach(BadTable(path.clone())).await?;

    let ctx = system.context();
    ctx.send(Insert("ann".into())).await?;
    assert!(names()?.is_empty(), "nothing is committed yet");
    ctx.process(InsertAndFail("bob".into())).await?;
    let error = ctx.close().await.unwrap_err();
    assert!(matches!(error.failures[0].kind, FailureKind::Handler(_)));
    assert_eq!(error.transactions.rolled_back.len(), 1);
    assert!(names()?.is_empty());

    let ctx = system.context();
    ctx.send(Insert("ann".into())).await?;
    ctx.send(Insert("bob".into())).await?;
    assert_eq!(ctx.close().await?.committed, 1, "they share one");
    assert_eq!(names()?, ["ann", "bob"]);
    system.shutdown().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
