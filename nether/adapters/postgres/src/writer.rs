//! [`Writer`]: the task that writes, on a connection of its own. It takes what has come into one transaction,
//! so that appends at the same time share a flush to the disk (group commit).

use std::time::Duration;

use nether::eventstore::{Append, Appended, Position, RecordedEvent, StoreError};
use nether::integration::hold_clock;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use crate::connector::{Connector, SessionUse};
use crate::errors::{is_unanswered, store_error};
use crate::reader::Reader;
use crate::schema::Schema;
use crate::statement::WriteStatement;
use crate::work::{Answer, Batch, Job, Outcome, Responder, Work};

/// How many jobs may wait. The sender of another waits for room.
const ROOM: usize = 4096;

/// How long a job waits for a server that cannot be reached.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long after a failed attempt to connect the next one is made, and how long at most.
const RECONNECT: Duration = Duration::from_millis(50);
const RECONNECT_AT_MOST: Duration = Duration::from_secs(1);

/// The way to the task that writes. When it is dropped, the task writes what it was given, and ends.
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    pub(super) fn start(
        connector: Connector,
        schema: Schema,
        reader: Reader,
        session: WriterSession,
        head: watch::Sender<Position>,
    ) -> Self {
        let (jobs, given) = mpsc::channel(ROOM);
        let writing = Writing {
            connector,
            schema,
            reader,
            session: Some(session),
            lost: None,
            head,
        };
        tokio::spawn(writing.run(given));
        Writer { jobs }
    }

    /// Has some work written, and waits for what comes of it. The work is written, or not, also if the future
    /// is dropped.
    pub(super) async fn written<T>(
        &self,
        work: Work,
        answer: impl FnOnce(Responder<T>) -> Answer,
    ) -> Result<T, StoreError> {
        work.check_texts()?;
        let (responder, answered) = oneshot::channel();
        let _hold = hold_clock();
        let job = Job {
            work,
            answer: answer(responder),
            since: Instant::now(),
        };
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

/// A connection that writes.
pub(super) struct WriterSession {
    client: Client,
    statement: WriteStatement,
}

impl WriterSession {
    pub(super) async fn open(connector: &Connector, schema: &Schema) -> Result<Self, StoreError> {
        let _hold = hold_clock();
        let opened = connector.open(SessionUse::Writes, None).await;
        let (client, _) = opened.map_err(|error| store_error(&error))?;
        WriterSession::on(client, schema).await
    }

    /// The session on a connection, where the tables are.
    pub(super) async fn on(client: Client, schema: &Schema) -> Result<Self, StoreError> {
        let statement = WriteStatement::prepare(&client, schema).await;
        let statement = statement.map_err(|error| store_error(&error))?;
        Ok(WriterSession { client, statement })
    }
}

/// An attempt to connect that has failed.
struct LostServer {
    error: StoreError,
    /// When the next attempt is made.
    again_at: Instant,
    pause: Duration,
}

/// What the task has.
struct Writing {
    connector: Connector,
    schema: Schema,
    reader: Reader,
    session: Option<WriterSession>,
    lost: Option<LostServer>,
    head: watch::Sender<Position>,
}

impl Writing {
    async fn run(mut self, mut given: mpsc::Receiver<Job>) {
        let mut next = None;
        let mut expects_more = false;
        loop {
            let first = match next.take() {
                Some(job) => job,
                None => match given.recv().await {
                    Some(job) => job,
                    None => return,
                },
            };
            let mut batch = Batch::default();
            let mut waiting = Some(first);
            while let Some(job) = waiting.take() {
                if !batch.admits(&job) {
                    next = Some(job);
                    break;
                }
                batch.take(job);
                if !batch.has_room() {
                    break;
                }
                waiting = given.try_recv().ok();
                if waiting.is_none() && std::mem::take(&mut expects_more) {
                    // Those who were answered together may be about to give their next jobs.
                    tokio::task::yield_now().await;
                    waiting = given.try_recv().ok();
                }
            }
            expects_more = batch.jobs.len() > 1;
            self.write(batch.jobs).await;
        }
    }

    /// Writes jobs in one transaction. If one of them fails, each in one of its own: one that cannot be
    /// written spoils no other. An error that concerns all jobs is returned to all at once.
    async fn write(&mut self, jobs: Vec<Job>) {
        let error = match self.attempt(&jobs).await {
            Ok(outcomes) => return answer(jobs, outcomes),
            Err(error) => error,
        };
        if jobs.len() == 1 || is_for_all(&error) {
            return answer(jobs, vec![Err(error)]);
        }
        let mut waiting = jobs.into_iter();
        while let Some(job) = waiting.next() {
            match self.attempt(std::slice::from_ref(&job)).await {
                Ok(outcomes) => answer(vec![job], outcomes),
                Err(error) if is_for_all(&error) => {
                    let jobs: Vec<_> = [job].into_iter().chain(waiting).collect();
                    return answer(jobs, vec![Err(error)]);
                }
                Err(error) => answer(vec![job], vec![Err(error)]),
            }
        }
    }

    /// Writes jobs in one transaction, again if the connection ends before there is an answer. An error means
    /// that nothing is written, or that this is not known.
    async fn attempt(&mut self, jobs: &[Job]) -> Result<Vec<Outcome>, StoreError> {
        let since = jobs.iter().map(|job| job.since).min();
        let until = since.unwrap_or_else(Instant::now) + PATIENCE;
        let works: Vec<_> = jobs.iter().map(|job| &job.work).collect();
        let mut unanswered = None;
        loop {
            let session = match self.session(until).await {
                Ok(session) => session,
                Err(error) => return Err(unanswered.unwrap_or(error)),
            };
            let written = session.statement.run(&session.client, &works).await;
            let error = match written {
                Ok(outcomes) => {
                    let outcomes = match unanswered {
                        Some(error) => self.told_apart(&works, outcomes, &error).await,
                        None => outcomes,
                    };
                    self.publish_head(&outcomes);
                    return Ok(outcomes);
                }
                Err(error) => store_error(&error),
            };
            if self
                .session
                .as_ref()
                .is_some_and(|it| it.client.is_closed())
                || is_unanswered(&error)
            {
                self.session = None;
            }
            if !is_unanswered(&error) {
                return Err(error);
            }
            unanswered = Some(StoreError::Unavailable {
                reason: format!(
                    "the connection ended while events or documents were written, and whether they are is not known: {error}"
                ),
            });
        }
    }

    /// The connection; opened again, if there is none, until that time.
    async fn session(&mut self, until: Instant) -> Result<&WriterSession, StoreError> {
        while self.session.is_none() {
            if let Some(lost) = &self.lost {
                if lost.again_at > until {
                    return Err(lost.error.clone());
                }
                sleep(lost.again_at.saturating_duration_since(Instant::now())).await;
            }
            match WriterSession::open(&self.connector, &self.schema).await {
                Ok(session) => {
                    if self.lost.take().is_some() {
                        tracing::info!("the event store can be written again");
                    }
                    self.session = Some(session);
                }
                Err(error) if is_unanswered(&error) || is_for_all(&error) => {
                    let pause = self.lost.as_ref().map(|lost| lost.pause * 2);
                    if pause.is_none() {
                        tracing::warn!(error = %error, "the event store cannot be reached: it is tried again");
                    }
                    let pause = pause.unwrap_or(RECONNECT).min(RECONNECT_AT_MOST);
                    self.lost = Some(LostServer {
                        error,
                        again_at: Instant::now() + pause,
                        pause,
                    });
                }
                Err(error) => return Err(error),
            }
        }
        self.session.as_ref().ok_or(StoreError::Closed)
    }

    /// What came of work that was sent again because the first answer was lost. What is there already may be
    /// there by the first attempt; a condition that does not hold may have held then.
    async fn told_apart(
        &self,
        works: &[&Work],
        outcomes: Vec<Outcome>,
        unanswered: &StoreError,
    ) -> Vec<Outcome> {
        let mut told = Vec::with_capacity(outcomes.len());
        for (work, outcome) in works.iter().zip(outcomes) {
            told.push(match outcome {
                Ok(appended) if appended.iter().any(|it| it.is_repeated) => {
                    let is_own = self.is_own(work).await;
                    Ok(appended
                        .into_iter()
                        .map(|it| Appended {
                            is_repeated: it.is_repeated && !is_own,
                            ..it
                        })
                        .collect())
                }
                Err(StoreError::PreconditionFailed { .. }) => Err(unanswered.clone()),
                outcome => outcome,
            });
        }
        told
    }

    /// Whether the events that are stored under the ids of some work are that work's, and not those of
    /// another that has the same ids: the message that caused them is another then.
    async fn is_own(&self, work: &Work) -> bool {
        let first = work.appends.iter().find(|append| !append.events.is_empty());
        let Some(append) = first else { return false };
        match self.reader.find(append.events[0].id).await {
            Ok(Some(stored)) => is_same(&stored, append),
            Ok(None) | Err(_) => false,
        }
    }

    /// Publishes the position of the newest event that was written.
    fn publish_head(&self, outcomes: &[Outcome]) {
        let appended = outcomes.iter().flatten().flatten();
        let Some(newest) = appended.map(|it| it.position).max() else {
            return;
        };
        self.head.send_if_modified(|head| {
            let grows = newest > *head;
            if grows {
                *head = newest;
            }
            grows
        });
    }
}

fn is_same(stored: &RecordedEvent, append: &Append) -> bool {
    stored.metadata == append.metadata && stored.payload == append.events[0].payload
}

/// Answers jobs; with one error, if that is for all.
fn answer(jobs: Vec<Job>, outcomes: Vec<Outcome>) {
    let error = match outcomes.as_slice() {
        [Err(error)] => Some(error.clone()),
        _ => None,
    };
    let mut outcomes = outcomes.into_iter();
    for job in jobs {
        let outcome = outcomes.next().or_else(|| error.clone().map(Err));
        job.answer.send(outcome.unwrap_or(Err(StoreError::Closed)));
    }
}

/// Whether an error concerns everything that is written at the time.
fn is_for_all(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable { .. } | StoreError::Locked { .. } | StoreError::ReadOnly { .. }
    )
}
