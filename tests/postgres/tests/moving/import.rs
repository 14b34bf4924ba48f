//! What the page "From SQLite to PostgreSQL" shows.

use nether::eventstore::StoreError;
use nether_postgres::{Imported, PostgresStore};
use nether_sqlite::SqliteStore;

async fn import(file: &str, database: &str) -> Result<Imported, StoreError> {
    let old = SqliteStore::options().read_only(true).open(file)?;
    let new = PostgresStore::connect(database).await?;
    new.import(&old).await
}

pub(crate) async fn imported(file: &str, database: &str) -> Imported {
    import(file, database).await.expect("it is imported")
}

#[test]
fn the_page_shows_what_is_tested() {
    let page = include_str!("../../../../nether/adapters/postgres/src/docs/from_sqlite.md");
    let source = include_str!("import.rs");
    let (_, shown) = source.split_once("\n\n").expect("it begins with a comment");
    let (shown, _) = shown.split_once("\n\npub(crate)").expect("it ends there");
    assert!(page.contains(shown), "the page has:\n{shown}");
}
