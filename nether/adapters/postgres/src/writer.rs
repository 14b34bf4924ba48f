//! [`Writer`]: the task that writes, on a connection of its own. It takes what has come into one transaction,
//! so that appends at the same time share a flush to the disk (group commit).

use std::time::Duration;

use nether::eventstore::{Append, Appended, RecordedEvent, StoreError};
use nether::integration::hold_clock;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use crate::connector::{Connector, OpenConnection, SessionUse};
use crate::errors::{is_unanswered, is_unavailable, store_error};
use crate::head_watch::NewestEvent;
use crate::limits::Limits;
use crate::reader::Reader;
use crate::schema::Schema;
use crate::statement::WriteStatement;
use crate::work::{Answer, Batch, Job, Outcome, Responder, Work};

/// How many jobs may wait. The sender of another waits for room.
const ROOM: usize = 4096;

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
        head: watch::Sender<NewestEvent>,
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
    client: OpenConnection,
    statement: WriteStatement,
}

impl WriterSession {
    pub(super) async fn open(connector: &Connector, schema: &Schema) -> Result<Self, StoreError> {
        let client = connector.open(SessionUse::Writes, None).await?;
        let limit = connector.limits.patience();
        Limits::answered(limit, WriterSession::on(client, schema)).await?
    }

    /// The session on a connection, where the tables are.
    pub(super) async fn on(client: OpenConnection, schema: &Schema) -> Result<Self, StoreError> {
        let statement = WriteStatement::prepare(&client, schema).await;
        let statement = statement.map_err(|error| store_error(&error))?;
        Ok(WriterSession { client, statement })
    }

    async fn write(&self, works: &[&Work], limits: Limits) -> Result<Vec<Outcome>, WriteFailure> {
        let limit = limits.answer_to(works.iter().map(|work| work.bytes()).sum());
        match Limits::answered(limit, self.statement.run(&self.client, works)).await {
            Ok(Ok(outcomes)) => Ok(outcomes),
            Ok(Err(error)) if is_unanswered(&error) => {
                Err(WriteFailure::Unanswered(store_error(&error)))
            }
            Ok(Err(error)) => Err(WriteFailure::Refused(store_error(&error))),
            Err(silent) => Err(WriteFailure::Unanswered(silent)),
        }
    }
}

/// Why nothing of a batch was written, as far as that is known.
enum WriteFailure {
    /// The server has refused it.
    Refused(StoreError),
    /// The connection cannot be used any more, and whether it was written is not known.
    Unanswered(StoreError),
    /// There is no connection.
    Unreached(StoreError),
}

impl WriteFailure {
    /// Whether other jobs would fail in the same way.
    fn is_for_all(&self) -> bool {
        match self {
            WriteFailure::Refused(error) => is_for_all(error),
            WriteFailure::Unanswered(_) | WriteFailure::Unreached(_) => true,
        }
    }

    /// The error for who waits, if an earlier attempt at the same had that one.
    fn stated(self, earlier: Option<StoreError>) -> StoreError {
        let (WriteFailure::Refused(error)
        | WriteFailure::Unanswered(error)
        | WriteFailure::Unreached(error)) = self;
        earlier.unwrap_or(error)
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
    head: watch::Sender<NewestEvent>,
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
                if let Some(job) = self.in_time(job) {
                    batch.take(job);
                }
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

    /// The job, unless it has waited too long for its turn: then it is refused.
    fn in_time(&self, job: Job) -> Option<Job> {
        let limit = self.connector.limits.turn();
        if job.since.elapsed() <= limit {
            return Some(job);
        }
        job.answer.send(Err(StoreError::Unavailable {
            reason: format!(
                "nothing of it is written: it has waited longer than {limit:?} for what was to be written before it"
            ),
        }));
        None
    }

    /// Writes jobs in one transaction. If one of them fails, each in one of its own: one that cannot be
    /// written spoils no other. An error that concerns all jobs is returned to all at once.
    async fn write(&mut self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let mut unanswered = None;
        let failure = match self.attempt(&jobs, &mut unanswered).await {
            Ok(outcomes) => return answer(jobs, outcomes),
            Err(failure) => failure,
        };
        if jobs.len() == 1 || failure.is_for_all() {
            return answer(jobs, vec![Err(failure.stated(unanswered))]);
        }
        let mut waiting = jobs.into_iter();
        while let Some(job) = waiting.next() {
            // If all of them may be written already, so may this one.
            let mut of_job = unanswered.clone();
            match self.attempt(std::slice::from_ref(&job), &mut of_job).await {
                Ok(outcomes) => answer(vec![job], outcomes),
                Err(failure) if failure.is_for_all() => {
                    let error = failure.stated(of_job.clone());
                    answer(vec![job], vec![Err(error.clone())]);
                    let error = unanswered.unwrap_or(error);
                    return answer(waiting.collect(), vec![Err(error)]);
                }
                Err(failure) => answer(vec![job], vec![Err(failure.stated(of_job))]),
            }
        }
    }

    /// Writes jobs in one transaction, again if the connection ends before there is an answer: then
    /// `unanswered` has the error of that.
    async fn attempt(
        &mut self,
        jobs: &[Job],
        unanswered: &mut Option<StoreError>,
    ) -> Result<Vec<Outcome>, WriteFailure> {
        let _hold = hold_clock();
        let limits = self.connector.limits;
        let since = jobs.iter().map(|job| job.since).min();
        let until = since.unwrap_or_else(Instant::now) + limits.patience();
        let works: Vec<_> = jobs.iter().map(|job| &job.work).collect();
        let mut pause = RECONNECT;
        let mut is_first = true;
        loop {
            let session = match self.session(until).await {
                Ok(session) => session,
                Err(error) => return Err(WriteFailure::Unreached(error)),
            };
            let failure = match session.write(&works, limits).await {
                Ok(outcomes) => {
                    let outcomes = match unanswered {
                        Some(error) => self.told_apart(&works, outcomes, error).await,
                        None => outcomes,
                    };
                    self.publish_head(&works, &outcomes);
                    return Ok(outcomes);
                }
                Err(failure) => failure,
            };
            let error = match failure {
                WriteFailure::Refused(error) => {
                    // Another connection may lead to the server that can be written.
                    let is_read_only = matches!(error, StoreError::ReadOnly { .. });
                    if is_read_only || session.client.is_closed() {
                        self.session = None;
                    }
                    return Err(WriteFailure::Refused(error));
                }
                WriteFailure::Unanswered(error) | WriteFailure::Unreached(error) => error,
            };
            self.session = None;
            let unknown = StoreError::Unavailable {
                reason: format!(
                    "the connection ended while events or documents were written, and whether they are is not known: {error}"
                ),
            };
            *unanswered = Some(unknown.clone());
            // However late it is, the server is asked once more.
            if !std::mem::take(&mut is_first) {
                if Instant::now() + pause > until {
                    return Err(WriteFailure::Unanswered(unknown));
                }
                sleep(pause).await;
                pause *= 2;
            }
        }
    }

    /// The connection; opened again, if there is none, until that time.
    async fn session(&mut self, until: Instant) -> Result<&WriterSession, StoreError> {
        // One that has ended before anything was sent is no lost answer.
        self.session.take_if(|session| session.client.is_closed());
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
                Err(error) => {
                    let pause = self.lost.as_ref().map(|lost| lost.pause * 2);
                    if pause.is_none() {
                        tracing::warn!(error = %error, "the event store cannot be written: connecting is tried again");
                    }
                    let pause = pause.unwrap_or(RECONNECT).min(RECONNECT_AT_MOST);
                    self.lost = Some(LostServer {
                        error: error.clone(),
                        again_at: Instant::now() + pause,
                        pause,
                    });
                    // What does not pass by itself, such as a wrong password, is not waited for.
                    if !is_unavailable(&error) {
                        return Err(error);
                    }
                }
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
                    let told = |it: Appended, is_own: bool| Appended {
                        is_repeated: it.is_repeated && !is_own,
                        ..it
                    };
                    match is_own {
                        Ok(is_own) => Ok(appended.into_iter().map(|it| told(it, is_own)).collect()),
                        Err(_) => Err(unanswered.clone()),
                    }
                }
                Err(StoreError::PreconditionFailed { .. }) => Err(unanswered.clone()),
                outcome => outcome,
            });
        }
        told
    }

    /// Whether the events that are stored under the ids of some work are that work's, and not those of
    /// another that has the same ids: the message that caused them is another then.
    async fn is_own(&self, work: &Work) -> Result<bool, StoreError> {
        let first = work.appends.iter().find(|append| !append.events.is_empty());
        let Some(append) = first else {
            return Ok(false);
        };
        let stored = self.reader.find(append.events[0].id).await?;
        Ok(stored.is_some_and(|stored| is_same(&stored, append)))
    }

    /// Publishes the newest event that was written.
    fn publish_head(&self, works: &[&Work], outcomes: &[Outcome]) {
        let written = works.iter().zip(outcomes);
        let events =
            written.filter_map(|(work, outcome)| NewestEvent::of(work, outcome.as_ref().ok()?));
        if let Some(newest) = events.max_by_key(|event| event.position) {
            newest.publish(&self.head);
        }
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
