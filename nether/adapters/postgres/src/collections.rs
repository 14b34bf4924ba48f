//! Which collections of documents there are.

use std::sync::Arc;

use deadpool_postgres::Pool;
use nether::eventstore::StoreError;
use nether::integration::hold_clock;

use crate::errors::store_error;
use crate::reader::client;
use crate::schema::Schema;

/// The names of the collections that have a document, in order.
pub(super) async fn collections(pool: &Pool, schema: &Schema) -> Result<Vec<Arc<str>>, StoreError> {
    let _hold = hold_clock();
    let client = client(pool).await?;
    let sql = format!("SELECT DISTINCT collection FROM {schema}.documents ORDER BY collection");
    let rows = client.query(&sql, &[]).await;
    let rows = rows.map_err(|error| store_error(&error))?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, &str>(0).into())
        .collect())
}
