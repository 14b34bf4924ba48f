//! [`WriteStatement`]: the one statement that writes, and what it says.

use nether::eventstore::{Append, Appended, Expected, Position, StoreError, StreamId};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};
use uuid::Uuid;

use crate::errors::store_error;
use crate::schema::Schema;
use crate::work::{Outcome, Work};

/// The statement, as it is prepared on a connection.
pub(super) struct WriteStatement(Statement);

impl WriteStatement {
    pub(super) async fn prepare(client: &Client, schema: &Schema) -> Result<Self, Error> {
        let sql = format!("SELECT {COLUMNS} FROM {schema}.write_1({})", parameters(1));
        Ok(WriteStatement(client.prepare(&sql).await?))
    }

    /// The one that a transaction of a program ends with.
    pub(super) async fn prepare_commit(
        client: &deadpool_postgres::Client,
        schema: &Schema,
    ) -> Result<Self, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {schema}.commit_1($1, {})",
            parameters(2)
        );
        Ok(WriteStatement(client.prepare_cached(&sql).await?))
    }

    /// Writes it all in one transaction, each work whole or not at all. An error means that nothing is
    /// written, or that this is not known.
    pub(super) async fn run(
        &self,
        client: &Client,
        works: &[&Work],
    ) -> Result<Vec<Outcome>, Error> {
        let arrays = Arrays::of(works);
        let rows = client.query(&self.0, &arrays.parameters()).await?;
        Ok(arrays.outcomes(works, &rows))
    }

    /// Writes some work at the end of the transaction with that id, or fails.
    pub(super) async fn run_in(&self, client: &Client, id: &str, work: &Work) -> Outcome {
        let arrays = Arrays::of(&[work]);
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&id];
        parameters.extend(arrays.parameters());
        match client.query(&self.0, &parameters).await {
            Ok(rows) => arrays.outcomes(&[work], &rows).remove(0),
            Err(error) => Err(arrays.refused(work, &error)),
        }
    }
}

const COLUMNS: &str = "of_job, outcome, at, newest, which";

/// The places of the parameters, from that number on.
fn parameters(first: usize) -> String {
    let places: Vec<_> = (first..first + PARAMETERS)
        .map(|it| format!("${it}"))
        .collect();
    places.join(", ")
}

const PARAMETERS: usize = 25;

/// The parameters of the statement: what is to be written, by columns.
#[derive(Default)]
struct Arrays<'a> {
    twice: Vec<bool>,
    condition_job: Vec<i32>,
    condition_collection: Vec<&'a str>,
    condition_key: Vec<&'a str>,
    condition_content: Vec<Option<&'a [u8]>>,
    append_job: Vec<i32>,
    append_stream: Vec<&'a str>,
    append_expected: Vec<Option<i64>>,
    append_count: Vec<i32>,
    append_time: Vec<i64>,
    append_correlation: Vec<Option<&'a str>>,
    append_causation: Vec<Option<&'a str>>,
    append_principal: Vec<Option<&'a str>>,
    append_metadata: Vec<Option<&'a str>>,
    event_append: Vec<i32>,
    event_number: Vec<i32>,
    event_id: Vec<Uuid>,
    event_name: Vec<&'a str>,
    event_schema: Vec<i32>,
    event_encoding: Vec<i16>,
    event_payload: Vec<&'a [u8]>,
    change_job: Vec<i32>,
    change_collection: Vec<&'a str>,
    change_key: Vec<&'a str>,
    change_content: Vec<Option<&'a [u8]>>,
}

impl<'a> Arrays<'a> {
    fn of(works: &[&'a Work]) -> Self {
        let mut arrays = Arrays::default();
        for (work, job) in works.iter().zip(1..) {
            arrays.twice.push(work.twice.is_some());
            for condition in work.conditions() {
                arrays.condition_job.push(job);
                arrays.condition_collection.push(&condition.collection);
                arrays.condition_key.push(&condition.key);
                arrays.condition_content.push(condition.content.as_deref());
            }
            for append in &work.appends {
                arrays.append(job, append);
            }
            for change in &work.changes {
                arrays.change_job.push(job);
                arrays.change_collection.push(&change.collection);
                arrays.change_key.push(&change.key);
                arrays.change_content.push(change.content.as_deref());
            }
        }
        arrays
    }

    fn append(&mut self, job: i32, append: &'a Append) {
        let metadata = &append.metadata;
        self.append_job.push(job);
        self.append_stream.push(append.stream.as_str());
        self.append_expected.push(match append.expected {
            Expected::Any => None,
            Expected::Version(version) => Some(number(version)),
        });
        self.append_count.push(count(append.events.len()));
        self.append_time.push(number(metadata.time));
        self.append_correlation
            .push(metadata.correlation.as_deref());
        self.append_causation.push(metadata.causation.as_deref());
        self.append_principal.push(metadata.principal.as_deref());
        self.append_metadata.push(metadata.entries.as_text());
        let of_append = count(self.append_job.len());
        for (event, of_event) in append.events.iter().zip(1..) {
            self.event_append.push(of_append);
            self.event_number.push(of_event);
            self.event_id.push(Uuid::from_u128(event.id.as_u128()));
            self.event_name.push(&event.name);
            self.event_schema.push(event.schema_version.cast_signed());
            self.event_encoding
                .push(event.payload.encoding.number().into());
            self.event_payload.push(&event.payload.bytes);
        }
    }

    fn parameters(&self) -> [&(dyn ToSql + Sync); PARAMETERS] {
        [
            &self.twice,
            &self.condition_job,
            &self.condition_collection,
            &self.condition_key,
            &self.condition_content,
            &self.append_job,
            &self.append_stream,
            &self.append_expected,
            &self.append_count,
            &self.append_time,
            &self.append_correlation,
            &self.append_causation,
            &self.append_principal,
            &self.append_metadata,
            &self.event_append,
            &self.event_number,
            &self.event_id,
            &self.event_name,
            &self.event_schema,
            &self.event_encoding,
            &self.event_payload,
            &self.change_job,
            &self.change_collection,
            &self.change_key,
            &self.change_content,
        ]
    }

    /// What came of each work, by the rows of the statement.
    fn outcomes(&self, works: &[&Work], rows: &[Row]) -> Vec<Outcome> {
        let mut rows = rows.iter().map(WrittenRow::of).peekable();
        let mut outcomes = Vec::with_capacity(works.len());
        for (work, job) in works.iter().zip(1..) {
            let mut outcome = Ok(Vec::new());
            while let Some(row) = rows.next_if(|row| row.job == job) {
                outcome = match (outcome, self.outcome(work, &row)) {
                    (Ok(mut all), Ok(appended)) => {
                        all.extend(appended);
                        Ok(all)
                    }
                    (Err(error), _) | (_, Err(error)) => Err(error),
                };
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Why the end of a transaction has failed.
    fn refused(&self, work: &Work, error: &Error) -> StoreError {
        let said = error.as_db_error().filter(|it| it.code().code() == "NE001");
        let row = said.and_then(|it| WrittenRow::of_text(it.detail()?));
        let refused = row.and_then(|row| self.outcome(work, &row).err());
        refused.unwrap_or_else(|| store_error(error))
    }

    fn outcome(&self, work: &Work, row: &WrittenRow) -> Result<Option<Appended>, StoreError> {
        let which = row.which.map_or(0, |which| which as usize - 1);
        let position = Position(row.newest.cast_unsigned());
        match row.outcome {
            0 | 1 if work.appends.is_empty() => Ok(None),
            0 | 1 => Ok(Some(Appended {
                version: row.at.cast_unsigned(),
                position,
                is_repeated: row.outcome == 1,
            })),
            2 => Err(StoreError::Conflict {
                stream: StreamId::from(self.append_stream[which]),
                expected: self.append_expected[which].unwrap_or(0).cast_unsigned(),
                actual: row.at.cast_unsigned(),
            }),
            3 => Err(StoreError::Duplicate {
                id: nether::eventstore::EventId::from_u128(self.event_id[which].as_u128()),
                position,
            }),
            6 => Err(StoreError::Archived {
                stream: StreamId::from(self.append_stream[which]),
                time: row.at.cast_unsigned(),
            }),
            4 => Err(work.twice.clone().unwrap_or(StoreError::Closed)),
            _ => Err(StoreError::PreconditionFailed {
                collection: self.condition_collection[which].into(),
                key: self.condition_key[which].into(),
            }),
        }
    }
}

/// A row of the statement.
struct WrittenRow {
    job: i32,
    outcome: i32,
    at: i64,
    newest: i64,
    which: Option<i32>,
}

impl WrittenRow {
    fn of(row: &Row) -> Self {
        WrittenRow {
            job: row.get(0),
            outcome: row.get(1),
            at: row.get::<_, Option<i64>>(2).unwrap_or(0),
            newest: row.get::<_, Option<i64>>(3).unwrap_or(0),
            which: row.get(4),
        }
    }

    /// As `commit_1` says it.
    fn of_text(text: &str) -> Option<Self> {
        let numbers = text.split(' ').map(str::parse);
        let numbers: Vec<i64> = numbers.collect::<Result<_, _>>().ok()?;
        let [job, outcome, at, newest, which] = numbers.try_into().ok()?;
        Some(WrittenRow {
            job: job.try_into().ok()?,
            outcome: outcome.try_into().ok()?,
            at,
            newest,
            which: which.try_into().ok().filter(|it| *it > 0),
        })
    }
}

/// As PostgreSQL counts: what is larger than it can be is the largest.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
