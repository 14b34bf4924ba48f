//! [`Writer`]: the thread that writes, and the jobs it is given.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::Duration;

use nether::eventstore::{
    Append, Appended, DocumentChange, DocumentCondition, Position, StoreError,
};
use nether::integration::panic_text;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use crate::SqliteTransaction;
use crate::append::{StreamCache, change_document, check_conditions, duplicate, duplicate_of_all};
use crate::errors::{store_error, unwritten};
use crate::file_watch::FileWatch;
use crate::generation::Checkpointer;
use crate::lent::Lent;
use crate::removal::Removal;

/// How many jobs may wait. The sender of another waits for room.
const ROOM: usize = 4096;

type Responder<T> = oneshot::Sender<Result<T, StoreError>>;

/// Work in a transaction of its own.
pub(super) type WriterWork =
    Box<dyn FnOnce(&mut SqliteTransaction<'_>) -> Result<(), StoreError> + Send>;

/// Changes of documents, which are made together if all conditions hold.
pub(super) struct DocumentsJob {
    pub(super) changes: Vec<DocumentChange>,
    pub(super) conditions: Vec<DocumentCondition>,
}

/// Work for the thread that writes.
pub(super) enum Job {
    Append(Append, Responder<Appended>),
    AppendAll(Vec<Append>, Responder<Vec<Appended>>),
    Documents(DocumentsJob, Responder<()>),
    Remove(Box<Removal>, Responder<Appended>),
    Transaction(WriterWork, Responder<()>),
}

/// The way to the thread that writes. Dropped, it waits until all is written.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        files: FileWatch,
        checkpointer: Checkpointer,
        head: watch::Sender<Position>,
        max_batch: usize,
    ) -> Result<Self, StoreError> {
        let (jobs, given) = mpsc::channel(ROOM);
        let lent = Lent::watch(&connection).map_err(|error| store_error(&error))?;
        let mut writing = Writing {
            connection,
            lent,
            files,
            checkpointer,
            cache: StreamCache::default(),
            head,
            max_batch,
        };
        let thread = std::thread::Builder::new()
            .name("nether-eventstore".to_owned())
            .spawn(move || writing.run(given))
            .map_err(StoreError::failed)?;
        Ok(Writer {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Gives it a job, when there is room.
    pub(super) async fn give(&self, job: Job) -> Result<(), StoreError> {
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job).await.map_err(|_| StoreError::Closed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

/// What the thread has.
struct Writing {
    connection: Connection,
    lent: Lent,
    files: FileWatch,
    checkpointer: Checkpointer,
    cache: StreamCache,
    head: watch::Sender<Position>,
    max_batch: usize,
}

impl Writing {
    fn run(&mut self, mut given: mpsc::Receiver<Job>) {
        let mut batch = Vec::new();
        let mut expects_more = false;
        while let Some(first) = given.blocking_recv() {
            let mut next = Some(first);
            while let Some(job) = next.take() {
                match job {
                    Job::Transaction(work, answer) => {
                        self.write(std::mem::take(&mut batch));
                        let result = self.transact(work);
                        let is_committed = result.is_ok();
                        let _ = answer.send(result);
                        if is_committed {
                            self.checkpointer.committed(&self.connection);
                        }
                    }
                    Job::Remove(removal, answer) => {
                        self.write(std::mem::take(&mut batch));
                        let _ = answer.send(self.remove(&removal));
                    }
                    job => batch.push(job),
                }
                if batch.len() < self.max_batch {
                    next = given.try_recv().ok().or_else(|| {
                        // Those who were answered together may be about to give their next jobs: a thread
                        // that can run does so first. If none can, this takes no time.
                        expects_more.then(std::thread::yield_now)?;
                        given.try_recv().ok()
                    });
                }
            }
            expects_more = batch.len() > 1;
            self.write(std::mem::take(&mut batch));
        }
        // The log is brought into the file, so that it is whole by itself; as far as that goes
        // without waiting for others that read. The log of a file that was taken away is all that is left.
        if self.files.look_at_log(&self.connection).is_err() {
            // SQLite would bring what is in its hole into the file.
            let setting = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            let _ = self.connection.set_db_config(setting, true);
        } else if self.files.is_in_place() {
            let _ = checkpoint(&self.connection);
        }
    }

    /// Writes jobs in one transaction. If it is full or one of them fails, each in one of its own: one that
    /// cannot be written spoils no other. An error that concerns all jobs is returned to all at once.
    fn write(&mut self, batch: Vec<Job>) {
        if batch.is_empty() {
            return;
        }
        let error = match self.attempt(&batch) {
            Ok(results) => {
                self.publish_head();
                let answers = batch.into_iter().zip(results);
                answers.for_each(|(job, result)| job.answer(result));
                return self.checkpointer.committed(&self.connection);
            }
            Err(error) => error,
        };
        self.cache.forget();
        if batch.len() == 1 || is_for_all(&error) {
            return batch.into_iter().for_each(|job| job.refuse(&error));
        }
        let mut waiting = batch.into_iter();
        while let Some(job) = waiting.next() {
            let result = self.attempt(std::slice::from_ref(&job));
            match result.map(|mut results| results.remove(0)) {
                Ok(result) => {
                    self.publish_head();
                    job.answer(result);
                    self.checkpointer.committed(&self.connection);
                }
                Err(error) => {
                    self.cache.forget();
                    job.refuse(&error);
                    if is_for_all(&error) {
                        return waiting.for_each(|job| job.refuse(&error));
                    }
                }
            }
        }
    }

    /// What comes of each job, committed together. An error means that nothing was written, or to files that
    /// are lost.
    fn attempt(&mut self, batch: &[Job]) -> Result<Vec<Result<Applied, StoreError>>, StoreError> {
        self.files.before(&self.connection)?;
        let results = self
            .committed(batch)
            .map_err(|error| self.refusal(&error, batch))?;
        self.files.look(&self.connection)?;
        Ok(results)
    }

    #[cold]
    fn refusal(&self, error: &rusqlite::Error, batch: &[Job]) -> StoreError {
        let is_constraint = error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation);
        let duplicate = match batch {
            [Job::Append(append, _)] if is_constraint => duplicate(&self.connection, append),
            [Job::AppendAll(appends, _)] if is_constraint => {
                duplicate_of_all(&self.connection, appends)
            }
            _ => None,
        };
        duplicate.unwrap_or_else(|| unwritten(error, &self.connection))
    }

    fn committed(&mut self, batch: &[Job]) -> rusqlite::Result<Vec<Result<Applied, StoreError>>> {
        let transaction = begin(&mut self.connection, &mut self.cache)?;
        self.checkpointer.mark(&transaction)?;
        let jobs = batch.iter();
        let results: rusqlite::Result<_> = jobs
            .map(|job| self.cache.apply(&transaction, job))
            .collect();
        let results = results?;
        transaction.commit()?;
        Ok(results)
    }

    /// Runs work of the store's user in a transaction.
    fn transact(&mut self, work: WriterWork) -> Result<(), StoreError> {
        self.files.before(&self.connection)?;
        let worked = self.worked(work);
        // It may have changed what is known here.
        self.cache.forget();
        worked.unwrap_or_else(|error| Err(unwritten(&error, &self.connection)))?;
        self.files.look(&self.connection)
    }

    fn worked(&mut self, work: WriterWork) -> rusqlite::Result<Result<(), StoreError>> {
        let transaction = begin(&mut self.connection, &mut self.cache)?;
        self.checkpointer.mark(&transaction)?;
        self.lent.lend(&transaction)?;
        let worked = catch_unwind(AssertUnwindSafe(|| {
            work(&mut SqliteTransaction::new(&transaction, &self.lent))
        }));
        self.lent.take_back(&transaction)?;
        let worked = worked.map(|done| done.and_then(|()| self.lent.ended().map_or(Ok(()), Err)));
        Ok(match worked {
            Ok(Ok(())) if transaction.is_autocommit() => Err(StoreError::Failed {
                reason: "the database has rolled the transaction back".to_owned(),
                source: None,
            }),
            Ok(Ok(())) => Ok(transaction.commit()?),
            Ok(Err(error)) => Err(error),
            Err(panic) => Err(StoreError::Failed {
                reason: format!(
                    "what was done in a transaction panicked: {}",
                    panic_text(&*panic)
                ),
                source: None,
            }),
        })
    }

    /// Removes content, and leaves no byte of it.
    fn remove(&mut self, removal: &Removal) -> Result<Appended, StoreError> {
        self.files.before(&self.connection)?;
        let removed = self.removed(removal);
        let removed = removed.unwrap_or_else(|error| Err(unwritten(&error, &self.connection)));
        if removed.is_err() {
            self.cache.forget();
        }
        let appended = removed?;
        self.files.look(&self.connection)?;
        self.publish_head();
        let is_gone = self.checkpointer.empty_log(&self.connection);
        match is_gone.map_err(|error| store_error(&error))? {
            true => Ok(appended),
            false => Err(removal.in_log()),
        }
    }

    fn removed(&mut self, removal: &Removal) -> rusqlite::Result<Result<Appended, StoreError>> {
        let transaction = begin(&mut self.connection, &mut self.cache)?;
        self.checkpointer.mark(&transaction)?;
        let appended = removal.make(&transaction, &mut self.cache)?;
        if appended.is_ok() {
            transaction.commit()?;
        }
        Ok(appended)
    }

    /// Publishes the position of the newest event.
    fn publish_head(&self) {
        let newest = self.cache.head();
        self.head.send_if_modified(|head| {
            let grows = newest > *head;
            if grows {
                *head = newest;
            }
            grows
        });
    }
}

/// Brings the log into the database, without waiting for others that read or write: whether all of it is
/// there now.
pub(super) fn checkpoint(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    connection.query_row(checkpoint, [], |row| Ok(row.get::<_, i64>(0)? == 0))
}

/// What came of a job in a transaction that is still open.
pub(super) enum Applied {
    Appended(Appended),
    AppendedAll(Vec<Appended>),
    Changed,
}

/// Whether it is not about one job: whatever else is to be written fails for the same reason.
fn is_for_all(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Locked { .. } | StoreError::ReadOnly { .. } | StoreError::BadFile { .. }
    )
}

fn begin<'a>(
    connection: &'a mut Connection,
    cache: &mut StreamCache,
) -> rusqlite::Result<Transaction<'a>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    cache.refresh(&transaction)?;
    Ok(transaction)
}

impl StreamCache {
    /// Does a job. The outer error is one of the database. The inner error refuses this job, of which nothing
    /// is written then.
    fn apply(
        &mut self,
        transaction: &Transaction<'_>,
        job: &Job,
    ) -> rusqlite::Result<Result<Applied, StoreError>> {
        Ok(match job {
            Job::Append(append, _) => self.append(transaction, append)?.map(Applied::Appended),
            Job::AppendAll(appends, _) => self
                .append_all(transaction, appends)?
                .map(Applied::AppendedAll),
            Job::Documents(job, _) => {
                let checked = check_conditions(transaction, &job.conditions)?;
                if checked.is_ok() {
                    for change in &job.changes {
                        change_document(transaction, change)?;
                    }
                }
                checked.map(|()| Applied::Changed)
            }
            Job::Transaction(..) | Job::Remove(..) => unreachable!("it is done by itself"),
        })
    }
}

impl Job {
    fn refuse(self, error: &StoreError) {
        self.answer(Err(error.clone()));
    }

    fn answer(self, result: Result<Applied, StoreError>) {
        // A caller that has stopped waiting misses nothing.
        match (self, result) {
            (Job::Append(_, answer) | Job::Remove(_, answer), Ok(Applied::Appended(appended))) => {
                let _ = answer.send(Ok(appended));
            }
            (Job::Append(_, answer) | Job::Remove(_, answer), Err(error)) => {
                let _ = answer.send(Err(error));
            }
            (Job::AppendAll(_, answer), Ok(Applied::AppendedAll(appended))) => {
                let _ = answer.send(Ok(appended));
            }
            (Job::AppendAll(_, answer), Err(error)) => {
                let _ = answer.send(Err(error));
            }
            (Job::Documents(_, answer) | Job::Transaction(_, answer), result) => {
                let _ = answer.send(result.map(|_| ()));
            }
            (Job::Append(..) | Job::AppendAll(..) | Job::Remove(..), Ok(_)) => {
                unreachable!("an append has the result of one")
            }
        }
    }
}
