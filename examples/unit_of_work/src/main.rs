//! Two modules write in one unit of work: `cargo run -p unit_of_work`.
//!
//! `Orders` writes down what is ordered, then asks `Stock` to take it from the shelf. If there is not enough,
//! the order is gone too: both have written in the one transaction of the unit of work, which is rolled back
//! when anything in it fails.

mod database;
#[cfg(test)]
mod tests;

use nether::prelude::*;

use crate::database::Database;

/// Order so many pieces of an article.
#[command]
pub struct PlaceOrder {
    /// What.
    pub article: String,
    /// How many.
    pub pieces: u32,
}

/// Take so many pieces from the shelf.
#[command]
pub struct TakeFromStock {
    /// The article.
    pub article: String,
    /// How many.
    pub pieces: u32,
}

/// What was committed, as lines of text.
#[query(reply = Vec<String>)]
pub struct Books;

/// Writes orders down.
#[derive(Debug)]
pub struct Orders {
    database: Database,
}

#[module(handles = [PlaceOrder, Books], calls = TakeFromStock)]
impl Orders {
    #[init]
    async fn new(database: Resource<Database>) -> Self {
        Orders {
            database: (*database).clone(),
        }
    }

    async fn place(&mut self, order: PlaceOrder, ctx: &Context<Self>) -> nether::Result<()> {
        let PlaceOrder { article, pieces } = order;
        let sql = self.database.transaction(ctx).await?;
        sql.execute("INSERT INTO orders VALUES (?, ?)", (&article, pieces))?;
        println!("  written down: {pieces} {article}");
        ctx.send(TakeFromStock { article, pieces }).await?;
        Ok(())
    }

    async fn books(&self, _: Books) -> nether::Result<Vec<String>> {
        let sql = "SELECT 'ordered: ' || pieces || ' ' || article FROM orders UNION ALL
                   SELECT 'in stock: ' || pieces || ' ' || article FROM stock";
        let connection = self.database.open()?;
        let mut lines = connection.prepare(sql)?;
        let lines = lines.query_map([], |row| row.get(0))?;
        Ok(lines.collect::<Result<_, _>>()?)
    }
}

/// Knows what is on the shelf.
#[derive(Debug)]
pub struct Stock {
    database: Database,
}

#[module(handles = TakeFromStock)]
impl Stock {
    #[init]
    async fn new(database: Resource<Database>) -> Self {
        Stock {
            database: (*database).clone(),
        }
    }

    async fn take(&mut self, wanted: TakeFromStock, ctx: &Context<Self>) -> nether::Result<()> {
        let TakeFromStock { article, pieces } = wanted;
        let sql = self.database.transaction(ctx).await?; // The one that `Orders` has begun.
        let taken = sql.execute(
            "UPDATE stock SET pieces = pieces - ?1 WHERE article = ?2 AND pieces >= ?1",
            (pieces, &article),
        )?;
        match taken {
            0 => Err(nether::Error::msg(format_args!(
                "there are not {pieces} {article} left"
            ))),
            _ => Ok(()),
        }
    }
}

/// Places an order in a unit of work of its own, and tells how that went.
async fn order(system: &System, article: &str, pieces: u32) -> nether::Result<()> {
    println!("order {pieces} {article}:");
    let ctx = system.context();
    let article = article.to_owned();
    ctx.process(PlaceOrder { article, pieces }).await?;
    match ctx.close().await {
        Ok(outcome) => println!("  committed: {} transaction", outcome.committed),
        Err(error) => {
            for failure in &error.failures {
                println!("  failed: {}", failure.kind);
            }
            println!(
                "  rolled back: {} transaction",
                error.transactions.rolled_back.len()
            );
        }
    }
    let books = system.scope(async |ctx| Ok(ctx.ask(Books).await?)).await?;
    books.iter().for_each(|line| println!("  {line}"));
    Ok(())
}

#[nether::main]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    let path = std::env::temp_dir().join(format!("nether-unit-of-work-{}", std::process::id()));
    let database = Database::create(&path)?;
    let system = builder.provide(database).start().await?;
    order(&system, "tea", 2).await?;
    order(&system, "tea", 9).await?;
    system.shutdown().await;
    std::fs::remove_file(path)?;
    Ok(())
}
