//! The tables of a store, and how they come to be.

use nether::eventstore::StoreError;
use tokio_postgres::Client;

use crate::errors::{failed, store_error};
use crate::schema::Schema;

/// Version by version: what is run for it.
const MIGRATIONS: [&[&str]; 1] = [&[
    include_str!("sql/tables_1.sql"),
    include_str!("sql/write_1.sql"),
    include_str!("sql/commit_1.sql"),
]];

/// The oldest server that is known to work, as `server_version_num` counts.
const OLDEST_SERVER: i32 = 130_000;

/// Checks the server and the tables, and makes the tables if they are not there.
pub(super) async fn prepare(
    client: &Client,
    schema: &Schema,
    location: &str,
) -> Result<(), StoreError> {
    check_server(client).await?;
    match version(client, schema, location).await? {
        Some(version) if version as usize == MIGRATIONS.len() => return Ok(()),
        _ => {}
    }
    let migrated = migrate(client, schema, location).await;
    if migrated.is_err() {
        let _ = client.batch_execute("ROLLBACK").await;
    }
    migrated
}

async fn check_server(client: &Client) -> Result<(), StoreError> {
    let setting = |name| format!("pg_catalog.current_setting('{name}')");
    let sql = format!(
        "SELECT {}::integer, {}, {}",
        setting("server_version_num"),
        setting("server_version"),
        setting("server_encoding")
    );
    let row = client.query_one(&sql, &[]).await;
    let row = row.map_err(|error| store_error(&error))?;
    let (number, version, encoding): (i32, &str, &str) = (row.get(0), row.get(1), row.get(2));
    if number < OLDEST_SERVER {
        return Err(failed(format!(
            "the server is PostgreSQL {version}, and the oldest that this store runs on is 13"
        )));
    }
    if encoding != "UTF8" {
        return Err(failed(format!(
            "the database has the encoding {encoding}, in which not every text can be stored: create one with `CREATE DATABASE .. ENCODING 'UTF8' TEMPLATE template0`"
        )));
    }
    Ok(())
}

/// The version of the tables, if there are any.
async fn version(
    client: &Client,
    schema: &Schema,
    location: &str,
) -> Result<Option<u32>, StoreError> {
    let foreign = |reason: String| StoreError::Foreign {
        location: location.into(),
        reason,
    };
    let sql = "SELECT coalesce(pg_catalog.array_agg(c.relname::text), '{}') FROM pg_catalog.pg_class c \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1 AND c.relname IN ('version', 'head', 'streams', 'events', 'documents')";
    let row = client.query_one(sql, &[&schema.name()]).await;
    let tables: Vec<String> = row.map_err(|error| store_error(&error))?.get(0);
    if tables.is_empty() {
        return Ok(None);
    }
    let another = "choose another schema for the store with `PostgresStore::options().schema(..)`";
    if !tables.iter().any(|table| table == "version") {
        let table = &tables[0];
        return Err(foreign(format!(
            "the schema {schema} has a table `{table}` that is not this store's: {another}"
        )));
    }
    let sql = format!("SELECT number FROM {schema}.version");
    let found = client.query_opt(&sql, &[]).await;
    let found = found.map_err(|error| match error.code() {
        Some(code) if code.code() == "42703" => foreign(format!(
            "the table {schema}.version is not this store's: {another}"
        )),
        _ => store_error(&error),
    })?;
    let number = found.map(|row| row.try_get::<_, i32>(0));
    let Some(Ok(number)) = number else {
        return Err(foreign(format!(
            "the table {schema}.version does not say its version"
        )));
    };
    let (found, known) = (number.cast_unsigned(), MIGRATIONS.len() as u32);
    if found > known {
        return Err(StoreError::Newer {
            location: location.into(),
            found,
            known,
        });
    }
    Ok(Some(found))
}

/// Makes the tables, or brings them up to date, in one transaction. Of several processes that do it at the
/// same time, one does, and the others find it done.
async fn migrate(client: &Client, schema: &Schema, location: &str) -> Result<(), StoreError> {
    let stated = |error| unmigrated(&error, schema);
    client.batch_execute("BEGIN").await.map_err(stated)?;
    let lock = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('nether migration ' || $1, 0))";
    client
        .query(lock, &[&schema.name()])
        .await
        .map_err(stated)?;
    let found = version(client, schema, location).await?.unwrap_or(0);
    if found == 0 {
        let sql = "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1";
        let known = client
            .query_opt(sql, &[&schema.name()])
            .await
            .map_err(stated)?;
        if known.is_none() {
            let sql = format!("CREATE SCHEMA {schema}");
            client.batch_execute(&sql).await.map_err(stated)?;
        }
    }
    // An iterator that is kept over an await would have the future not be `Send` in the eyes of a caller.
    let scripts = MIGRATIONS[found as usize..].iter().copied().flatten();
    let scripts: Vec<String> = scripts.map(|script| schema.script(script)).collect();
    for sql in scripts {
        client.batch_execute(&sql).await.map_err(stated)?;
    }
    client.batch_execute("COMMIT").await.map_err(stated)
}

/// Why the tables could not be made.
fn unmigrated(error: &tokio_postgres::Error, schema: &Schema) -> StoreError {
    let is_denied = error.code().is_some_and(|code| code.code() == "42501");
    match (is_denied, store_error(error)) {
        (true, StoreError::Failed { reason, source }) => StoreError::Failed {
            reason: format!(
                "the tables of the store have to be made in the schema {schema}, and the role may not do that: connect once as a role that may, or let this one by `GRANT CREATE ON DATABASE .. TO ..`: {reason}"
            ),
            source,
        },
        (_, error) => error,
    }
}
