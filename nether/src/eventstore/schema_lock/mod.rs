//! The schema lock: what stores hold under names, and what it looks like, so that a test finds a change that
//! could not read it.

mod answers;
mod becoming;
mod compare;
mod difference;
mod error;
mod fields;
mod file;
mod finding;
mod names;
mod present;
mod shapes;
mod types;

pub use self::error::SchemaError;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::eventstore::backend::Encoding;
use crate::eventstore::schema_lock::compare::Comparison;
use crate::eventstore::schema_lock::error::{Report, UPDATE};
use crate::eventstore::schema_lock::file::LockFile;
use crate::eventstore::schema_lock::present::{GivenSample, Present};

/// Why a file that is missing is not written.
const MISSING_IN_CI: &str = "it is missing, and `CI` is set, where it would be lost: run the test once elsewhere, and commit the file";

/// What may be gone, by its kind.
const KINDS: [&str; 7] = [
    "event",
    "command",
    "reply",
    "error",
    "aggregate",
    "projection",
    "saga",
];

/// Compares what the program stores with the lock file, as [`check_schema`] does, with settings.
///
/// ```no_run
/// use nether::eventstore::SchemaLock;
/// # use nether::prelude::*;
/// # #[event(name = "page.linked")]
/// # pub struct Linked { pub from: String }
///
/// SchemaLock::at("nether-schema.lock.json").sample(&Linked { from: "https://example.org".into() }).check()?;
/// # Ok::<(), nether::eventstore::SchemaError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is compared before `check`"]
pub struct SchemaLock {
    path: PathBuf,
    given: Vec<GivenSample>,
    updates: bool,
    removed: Vec<String>,
    encoding: Encoding,
}

impl SchemaLock {
    /// The lock file at that path. The environment variable `UPDATE_SCHEMA` says whether it is updated: `1`,
    /// or the names of what is gone, separated by commas. Anything else is an error of
    /// [`check`](SchemaLock::check).
    pub fn at(path: impl AsRef<Path>) -> Self {
        let lock = SchemaLock {
            path: path.as_ref().to_owned(),
            given: Vec::new(),
            updates: false,
            removed: Vec::new(),
            encoding: Encoding::default(),
        };
        let asked = std::env::var_os(UPDATE).unwrap_or_default();
        let asked = asked.to_string_lossy();
        let asked = asked.split(',').map(str::trim);
        asked.fold(lock, |lock, part| match part {
            "" => lock,
            "1" => lock.update(),
            name => lock.removed(name),
        })
    }

    /// Adds a value of a type that is stored: an event, a command, an answer to one, the state of a saga or
    /// of an aggregate. Values are made up for every type; one that reads only certain texts needs one that
    /// is given.
    pub fn sample<T: Serialize>(mut self, value: &T) -> Self {
        self.given.push(GivenSample::of(value));
        self
    }

    /// What stores are set to write: see [`Store::encoding`](crate::eventstore::Store::encoding). With
    /// [`MessagePack`](Encoding::MessagePack), the file also has the events in that.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Writes what is new into the file, as `UPDATE_SCHEMA=1` does.
    pub fn update(mut self) -> Self {
        self.updates = true;
        self
    }

    /// Confirms that something is gone, such as `"event order.placed"`, as
    /// `UPDATE_SCHEMA="event order.placed"` does. New names and samples are written too.
    pub fn removed(mut self, name: impl Into<String>) -> Self {
        self.removed.push(name.into());
        self.update()
    }

    /// Compares.
    ///
    /// # Errors
    /// As [`check_schema`].
    pub fn check(self) -> Result<(), SchemaError> {
        if let Some(given) = self.removed.iter().find(|it| !is_full_name(it)) {
            let given = given.clone();
            return Err(SchemaError::Setting { given });
        }
        let present = Present::gather(self.given);
        let file = LockFile::read(&self.path)?;
        let is_new = file.is_none();
        if is_new && !self.updates && is_in_ci() {
            return Err(SchemaError::File {
                path: self.path,
                reason: MISSING_IN_CI.to_owned(),
            });
        }
        let mut file = file.unwrap_or_default();
        let comparison = Comparison {
            present: &present,
            removed: &self.removed,
            is_packed: self.encoding == Encoding::MessagePack,
        };
        let findings = comparison.all(&mut file);
        let report = Report::of(findings);
        if report.is_fine(is_new || self.updates) {
            return match is_new || report.has_news() {
                true => file.write(&self.path),
                false => Ok(()),
            };
        }
        Err(report.into_error(self.path))
    }
}

/// Compares what the program stores with the lock file, `nether-schema.lock.json`. A test calls it with the
/// path of the file. The first call writes the file: commit it. Where the environment variable `CI` is set, a
/// file that is missing is an error. The file has
///
/// - the names of events, aggregates, projections with a checkpoint, sagas, their commands and their
///   time-outs;
/// - *samples* of each event in each version, of the state of sagas, of their commands, of the replies and
///   errors with which sagas answer commands, and of the state of aggregates that have snapshots: values as
///   JSON, which are made up by what the type reads, among them each variant of each enum at each place,
///   zero, the ends of numbers, texts and lists without anything in them, and lists of two that are equal.
///
/// From then on, each sample of the file is read by the program, written again, and compared. So whatever a
/// type is made of, and whatever its attributes say to serde, counts by what it does:
///
/// | what is found | is |
/// |---|---|
/// | a sample cannot be read, or is read as something else; what is written of it could not be read | an error, unless the event has a new `version` and an `upcast` from the old one |
/// | the same of a snapshot's state; a new field in it | an error, unless `snapshot_version` is a new one |
/// | a field that could not be missing is not read any more, or one that could be missing cannot | an error likewise |
/// | a sample of an event with `becomes` cannot become other events: its function returns an error, or leads to the event itself | an error |
/// | a name is gone, or is another one; a saga has another `key`; a field that could be missing is gone, and another one is new | an error until it is confirmed by name: `UPDATE_SCHEMA="event order.placed" cargo test` |
/// | new names, versions, variants and fields; a field or variant with its old name as an `alias`; a larger number; a field that could be missing is gone; other lists | an error that says how to update the file: `UPDATE_SCHEMA=1 cargo test` |
/// | two variants become one: one has the name of the other as an `alias` | an error, unless the event has a new `version` |
/// | a type with another name, a field or variant with its old name as `rename` | no error |
///
/// An event that is not stored any more is not gone if it is kept with
/// [`becomes`](macro@crate::event#events-that-become-others): its samples have to be readable. A name that is
/// gone stays in the file as `removed`, because stores may hold it: if something has its name again, that has
/// to read it.
///
/// It does not see
///
/// - what no sample shows: values that functions of the program refuse or change (`try_from`, `with`), the
///   keys of maps. If no sample can be made, or a thousand do not show all variants, that is an error: give
///   some to [`SchemaLock::sample`];
/// - what is different in a type only where it is inside of itself;
/// - variants of an `untagged` enum but for one, and values inside of `#[serde(flatten)]` and
///   tagged enums that may be missing and are no text or number: give samples of them;
/// - the meaning of a value of the same form (cents, which were euros);
/// - MessagePack, unless it knows that stores are in that: [`SchemaLock::encoding`];
/// - two fields or two variants that change their names with each other;
/// - a panic in a function of `upcast` or `becomes`: it need not bear every number that is made up.
///
/// ```no_run
/// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/nether-schema.lock.json");
/// nether::eventstore::check_schema(path)?;
/// # Ok::<(), nether::eventstore::SchemaError>(())
/// ```
///
/// # Errors
/// As above; if the file cannot be read or written; and if `UPDATE_SCHEMA` has anything but `1` and names.
pub fn check_schema(path: impl AsRef<Path>) -> Result<(), SchemaError> {
    SchemaLock::at(path).check()
}

/// Whether it is a kind and a name, such as `event order.placed`.
fn is_full_name(text: &str) -> bool {
    let parts = text.split_once(' ');
    parts.is_some_and(|(kind, name)| KINDS.contains(&kind) && !name.trim().is_empty())
}

/// Whether the test runs where no file that it writes is kept.
fn is_in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|it| !it.is_empty())
}
