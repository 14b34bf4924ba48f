//! [`Work`]: what is written whole or not at all.

use std::collections::HashSet;

use nether::eventstore::{
    Append, Appended, DocumentChange, DocumentCondition, EventId, StoreError,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The most bytes in the name of a stream, or in the names of a document and its collection: a row of an
/// index has room for a third of a page, and no more.
const LONGEST_NAME: usize = 2600;

/// Appends, or changes of documents, that are made together if all conditions hold.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) appends: Vec<Append>,
    pub(super) changes: Vec<DocumentChange>,
    pub(super) conditions: Vec<DocumentCondition>,
    /// The id or stream that is in it twice, as an error.
    pub(super) twice: Option<StoreError>,
}

impl Work {
    pub(super) fn append(append: Append) -> Self {
        Work {
            twice: append.check_ids().err(),
            appends: vec![append],
            ..Work::default()
        }
    }

    pub(super) fn append_all(appends: Vec<Append>) -> Self {
        Work {
            twice: Append::check_all(&appends).err(),
            appends,
            ..Work::default()
        }
    }

    pub(super) fn change(changes: Vec<DocumentChange>, conditions: Vec<DocumentCondition>) -> Self {
        Work {
            changes,
            conditions,
            ..Work::default()
        }
    }

    pub(super) fn conditions(&self) -> impl Iterator<Item = &DocumentCondition> {
        let of_appends = self.appends.iter().flat_map(|it| &it.conditions);
        self.conditions.iter().chain(of_appends)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = EventId> {
        let events = self.appends.iter().flat_map(|it| &it.events);
        events.map(|event| event.id)
    }

    /// About how many bytes are sent for it.
    pub(super) fn bytes(&self) -> usize {
        let payloads = self.appends.iter().flat_map(|it| &it.events);
        let payloads: usize = payloads.map(|it| it.payload.bytes.len() + 128).sum();
        let contents = self.changes.iter().filter_map(|it| it.content.as_ref());
        payloads + contents.map(Vec::len).sum::<usize>()
    }

    /// Checks that PostgreSQL can store its texts: none may have the character NUL in it, and those that are
    /// in an index must have room there.
    pub(super) fn check_texts(&self) -> Result<(), StoreError> {
        let streams = self
            .appends
            .iter()
            .map(|it| ("stream", it.stream.as_str(), ""));
        let documents = self
            .changes
            .iter()
            .map(|it| ("document", &*it.collection, &*it.key));
        let mut names = streams.chain(documents);
        let long = names.find(|(_, name, key)| name.len() + key.len() > LONGEST_NAME);
        if let Some((what, name, key)) = long {
            let start: String = name.chars().chain(key.chars()).take(40).collect();
            return Err(StoreError::Codec {
                what: format!(
                    "the {what} whose name begins with `{}` cannot be stored",
                    start.escape_debug()
                ),
                reason: format!(
                    "its name has {} bytes, and PostgreSQL has room for {LONGEST_NAME}",
                    name.len() + key.len()
                ),
            });
        }
        let appends = self.appends.iter();
        let of_appends = appends.flat_map(|it| {
            let metadata = [
                ("the correlation id", it.metadata.correlation.as_deref()),
                ("the causation id", it.metadata.causation.as_deref()),
                ("the principal", it.metadata.principal.as_deref()),
                ("the metadata", it.metadata.entries.as_text()),
            ];
            let names = it.events.iter().map(|it| ("the name", Some(&*it.name)));
            let stream = ("the name of the stream", Some(it.stream.as_str()));
            metadata.into_iter().chain(names).chain([stream])
        });
        let changes = self.changes.iter();
        let of_changes = changes.flat_map(|it| {
            [
                ("the collection", Some(&*it.collection)),
                ("the key", Some(&*it.key)),
            ]
        });
        let mut texts = of_appends.chain(of_changes);
        let refused = texts.find(|(_, text)| text.is_some_and(|text| text.contains('\0')));
        match refused {
            Some((what, text)) => Err(StoreError::Codec {
                what: format!(
                    "{what} `{}` cannot be stored",
                    text.unwrap_or_default().escape_debug()
                ),
                reason: "PostgreSQL stores no text with the character NUL in it".to_owned(),
            }),
            None => Ok(()),
        }
    }
}

/// Where the result of some work goes.
#[derive(Debug)]
pub(super) enum Answer {
    Append(Responder<Appended>),
    AppendAll(Responder<Vec<Appended>>),
    Change(Responder<()>),
}

pub(super) type Responder<T> = oneshot::Sender<Result<T, StoreError>>;

/// What came of some work: the results of its appends.
pub(super) type Outcome = Result<Vec<Appended>, StoreError>;

impl Answer {
    pub(super) fn send(self, outcome: Outcome) {
        // A caller that has stopped waiting misses nothing.
        match self {
            Answer::Append(answer) => {
                let appended = outcome.and_then(|mut all| all.pop().ok_or(StoreError::Closed));
                let _ = answer.send(appended);
            }
            Answer::AppendAll(answer) => {
                let _ = answer.send(outcome);
            }
            Answer::Change(answer) => {
                let _ = answer.send(outcome.map(|_| ()));
            }
        }
    }
}

/// Work that someone waits for.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) answer: Answer,
    /// When it was given.
    pub(super) since: Instant,
}

/// The most jobs that are written together, and about how many bytes.
const JOBS: usize = 256;
const BYTES: usize = 4 << 20;

/// Jobs that are written in one transaction, each whole or not at all.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) jobs: Vec<Job>,
    ids: HashSet<EventId>,
    bytes: usize,
}

impl Batch {
    pub(super) fn has_room(&self) -> bool {
        self.jobs.len() < JOBS && self.bytes < BYTES
    }

    /// Whether none of a job's events has the id of another job's: whether the second is a repetition is
    /// known once the first is written.
    pub(super) fn admits(&self, job: &Job) -> bool {
        !job.work.ids().any(|id| self.ids.contains(&id))
    }

    pub(super) fn take(&mut self, job: Job) {
        self.ids.extend(job.work.ids());
        self.bytes += job.work.bytes();
        self.jobs.push(job);
    }
}
