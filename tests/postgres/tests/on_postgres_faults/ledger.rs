//! [`Ledger`]: a projection that writes each event as a row, so that an effect that is missing or done twice
//! shows.

use std::sync::Arc;

use nether::eventstore::{Projections, Store};
use nether::prelude::*;
use nether_postgres::tokio_postgres::Client;
use nether_postgres::{PostgresStore, PostgresTransaction};

#[event(name = "noted")]
pub struct Noted {
    pub n: u32,
}

/// What a handler does before it has written its row.
pub type Doing = Arc<dyn Fn(u32) -> Option<String> + Send + Sync>;

#[derive(Clone)]
pub struct Does(pub Doing);

pub struct Ledger {
    does: Resource<Does>,
}

#[projection(
    handles = [Noted],
    transaction = PostgresTransaction,
    retry = 1,
    backoff = "1ms..2ms",
    timeout = "2s"
)]
impl Ledger {
    #[init]
    fn new(does: Resource<Does>) -> Self {
        Ledger { does }
    }

    async fn noted(&mut self, event: &Noted, tx: &PostgresTransaction<'_>) -> nether::Result<()> {
        let n = i64::from(event.n);
        tx.execute("INSERT INTO ledger VALUES ($1)", &[&n]).await?;
        if let Some(sql) = (self.does.0)(event.n) {
            match sql.strip_prefix("drop ") {
                Some(sql) => drop(tx.batch_execute(sql).await),
                None => tx.batch_execute(&sql).await?,
            }
        }
        Ok(())
    }
}

pub async fn make(client: &Client) {
    let tables = "CREATE TABLE ledger (n bigint); CREATE TABLE once (n bigint UNIQUE); INSERT INTO once VALUES (1)";
    client.batch_execute(tables).await.unwrap();
}

/// The rows.
pub async fn rows(client: &Client) -> Vec<u32> {
    let rows = client.query("SELECT n FROM ledger ORDER BY n", &[]).await;
    let rows = rows.unwrap();
    rows.iter()
        .map(|row| row.get::<_, i64>(0).try_into().unwrap())
        .collect()
}

/// A program with the projection.
pub async fn started(store: &PostgresStore, does: Doing) -> (System, Store) {
    started_on(Store::new(store.clone()), does).await
}

pub async fn started_on(store: Store, does: Doing) -> (System, Store) {
    let builder = System::builder()
        .isolated()
        .with::<Projections<Ledger>>()
        .provide(store.clone());
    let system = builder.provide(Does(does)).start().await;
    (system.unwrap(), store)
}

pub async fn note(store: &Store, n: u32) -> Result<(), nether::eventstore::StoreError> {
    let stream = format!("note/{n}");
    store.append_events(&*stream, [Noted { n }]).await?;
    Ok(())
}
