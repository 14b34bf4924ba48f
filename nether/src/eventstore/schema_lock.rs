//! The schema lock: the shape of the events that stores already hold, so that a test finds a change that
//! could not read them.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::eventstore::stored::{EventRegistration, EventSchema, FieldSchema};

/// The environment variable that lets compatible changes be written to the lock file.
const UPDATE: &str = "UPDATE_SCHEMA";

/// The file.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Lock {
    /// By name, and then by version.
    events: BTreeMap<String, BTreeMap<u32, Vec<RecordedField>>>,
}

/// A field of an event, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RecordedField {
    name: String,
    #[serde(rename = "type")]
    ty: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    optional: bool,
}

/// A difference between the events of the program and the lock file.
#[non_exhaustive]
pub enum SchemaError {
    /// Events have changed so that stored events could not be read, or would be read as something else.
    Incompatible {
        /// Each change, with what to do about it.
        changes: Vec<String>,
    },
    /// There are new events, versions or optional fields: the file has to be updated and committed.
    Outdated {
        /// What is new.
        changes: Vec<String>,
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Compares the events of the program with the lock file, `nether-schema.lock.json`. A test calls it with the
/// path of the file. The first call writes the file: commit it. From then on:
///
/// - A field that is gone, or new and not optional, or of another type, is an error, unless the event has a
///   new `version` and an `upcast` from the old one. An event whose older versions are gone is an error too.
/// - New events, versions and optional fields are an error that says how to update the file:
///   `UPDATE_SCHEMA=1 cargo test`.
/// - An event that is gone stays in the file, because stores hold it: a new event with its name has to be
///   compatible.
///
/// Types of fields are compared by their text, not by what they are made of. So change such a type as you
/// would change an event: with a new version of the events that contain it.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("nether-lock-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("nether-schema.lock.json");
/// # let _ = std::fs::remove_file(&path);
/// // In a test: `let path = concat!(env!("CARGO_MANIFEST_DIR"), "/nether-schema.lock.json");`
/// nether::eventstore::check_schema(path)?;
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As above; and if the file cannot be read or written.
pub fn check_schema(path: impl AsRef<Path>) -> Result<(), SchemaError> {
    let updates = std::env::var_os(UPDATE).is_some();
    let events = inventory::iter::<EventRegistration>;
    let own = events.into_iter().map(|registration| registration.0);
    // The framework's own are not stored.
    let own = own.filter(|event| !event.name.starts_with("nether."));
    check(path.as_ref(), own, updates)
}

fn check(
    path: &Path,
    events: impl Iterator<Item = &'static EventSchema>,
    updates: bool,
) -> Result<(), SchemaError> {
    let Some(mut lock) = read(path)? else {
        let mut lock = Lock::default();
        events.for_each(|event| lock.add(event));
        return write(path, &lock);
    };
    let (mut incompatible, mut new) = (Vec::new(), Vec::new());
    for event in events {
        match lock.compare(event) {
            Compared::Same => {}
            Compared::New(what) => {
                new.push(what);
                lock.add(event);
            }
            Compared::Incompatible(why) => incompatible.extend(why),
        }
    }
    if !incompatible.is_empty() {
        return Err(SchemaError::Incompatible {
            changes: incompatible,
        });
    }
    if new.is_empty() {
        return Ok(());
    }
    if updates {
        return write(path, &lock);
    }
    Err(SchemaError::Outdated {
        changes: new,
        path: path.to_owned(),
    })
}

fn read(path: &Path) -> Result<Option<Lock>, SchemaError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file(path, error)),
    };
    let lock = serde_json::from_str(&text).map_err(|error| file(path, error))?;
    Ok(Some(lock))
}

fn write(path: &Path, lock: &Lock) -> Result<(), SchemaError> {
    let text = serde_json::to_string_pretty(lock).map_err(|error| file(path, error))?;
    fs::write(path, text + "\n").map_err(|error| file(path, error))
}

fn file(path: &Path, error: impl fmt::Display) -> SchemaError {
    SchemaError::File {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// An event beside what the file says of it.
enum Compared {
    Same,
    New(String),
    Incompatible(Vec<String>),
}

impl Lock {
    fn add(&mut self, event: &EventSchema) {
        let versions = self.events.entry(event.name.to_owned()).or_default();
        versions.insert(event.version, fields(event));
    }

    fn compare(&self, event: &EventSchema) -> Compared {
        let (name, version) = (event.name, event.version);
        let place = event.declaration.place();
        let Some(versions) = self.events.get(name) else {
            return Compared::New(format!("`{name}` is new ({place})"));
        };
        let newest = versions.keys().next_back().copied().unwrap_or(0);
        if version < newest {
            return Compared::Incompatible(vec![format!(
                "`{name}` ({place}) is version {version}, but version {newest} of it is in stores: \
                 go on from there, `version = {}` and an `upcast` for each step",
                newest + 1
            )]);
        }
        let Some(locked) = versions.get(&version) else {
            return Compared::New(format!("`{name}` has a version {version} ({place})"));
        };
        let now = fields(event);
        if *locked == now {
            return Compared::Same;
        }
        let changes = incompatible(locked, &now);
        if changes.is_empty() {
            return Compared::New(format!("`{name}` has other optional fields ({place})"));
        }
        let way_out = format!(
            "write `version = {}` and `upcast = ..`, a function from what version {version} was",
            version + 1
        );
        let told = |change| format!("`{name}` ({place}): {change}; {way_out}");
        Compared::Incompatible(changes.into_iter().map(told).collect())
    }
}

fn fields(event: &EventSchema) -> Vec<RecordedField> {
    let field = |field: &FieldSchema| RecordedField {
        name: field.name.to_owned(),
        ty: field.ty.to_owned(),
        optional: field.optional,
    };
    event.fields.iter().map(field).collect()
}

/// What of the change cannot be read back.
fn incompatible(before: &[RecordedField], now: &[RecordedField]) -> Vec<String> {
    let mut changes = Vec::new();
    for field in before {
        let name = &field.name;
        match now.iter().find(|other| other.name == *name) {
            None => changes.push(format!("the field `{name}` is gone")),
            Some(other) if other.ty != field.ty => changes.push(format!(
                "the field `{name}` was `{}` and is `{}`",
                field.ty, other.ty
            )),
            Some(other) if field.optional && !other.optional => {
                changes.push(format!("the field `{name}` was optional and is not"));
            }
            Some(_) => {}
        }
    }
    for field in now {
        let is_new = !before.iter().any(|other| other.name == field.name);
        if is_new && !field.optional {
            changes.push(format!(
                "the field `{}` is new and not optional",
                field.name
            ));
        }
    }
    changes
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, changes: &[String]| {
            changes.iter().try_for_each(|it| write!(f, "\n  - {it}"))
        };
        match self {
            SchemaError::Incompatible { changes } => {
                f.write_str("events that stores already hold have changed:")?;
                list(f, changes)
            }
            SchemaError::Outdated { changes, path } => {
                write!(f, "`{}` is out of date:", path.display())?;
                list(f, changes)?;
                f.write_char('\n')?;
                write!(f, "update it with `{UPDATE}=1 cargo test`, and commit it")
            }
            SchemaError::File { path, reason } => write!(f, "`{}`: {reason}", path.display()),
        }
    }
}

/// The text of [`Display`](fmt::Display): a test that unwraps a [`check_schema`] prints what to do.
impl fmt::Debug for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for SchemaError {}

#[cfg(test)]
mod tests {
    use super::{SchemaError, check};
    use crate::declaration::Declaration;
    use crate::eventstore::stored::{EventSchema, FieldSchema};

    const fn schema(version: u32, fields: &'static [FieldSchema]) -> EventSchema {
        EventSchema {
            name: "account.deposited",
            version,
            declaration: Declaration {
                name: "account.deposited",
                file: "src/account.rs",
                line: 7,
                column: 1,
            },
            fields,
        }
    }

    const fn field(name: &'static str, ty: &'static str, optional: bool) -> FieldSchema {
        FieldSchema { name, ty, optional }
    }

    static FIRST: EventSchema = schema(1, &[field("cents", "u64", false)]);
    static RETYPED: EventSchema = schema(1, &[field("cents", "i64", false)]);
    static RENAMED: EventSchema = schema(1, &[field("amount", "u64", false)]);
    static EXTENDED: EventSchema = schema(
        1,
        &[
            field("cents", "u64", false),
            field("by", "Option<String>", true),
        ],
    );
    static SECOND: EventSchema = schema(2, &[field("amount", "u64", false)]);

    /// Locks the first, and then compares the second.
    fn change(name: &str, after: &'static EventSchema, updates: bool) -> Result<(), SchemaError> {
        let path = std::env::temp_dir().join(format!("nether-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        check(&path, [&FIRST].into_iter(), false)?;
        check(&path, [&FIRST].into_iter(), false)?;
        let changed = check(&path, [after].into_iter(), updates);
        if updates && changed.is_ok() {
            check(&path, [after].into_iter(), false)?;
        }
        std::fs::remove_file(&path).map_err(|error| super::file(&path, error))?;
        changed
    }

    #[test]
    fn another_type_and_another_name_need_a_new_version() {
        for (name, after) in [("retyped", &RETYPED), ("renamed", &RENAMED)] {
            let error = change(name, after, true).unwrap_err();
            assert!(matches!(error, SchemaError::Incompatible { .. }), "{error}");
            assert!(error.to_string().contains("src/account.rs:7"), "{error}");
            assert!(error.to_string().contains("`version = 2`"), "{error}");
        }
    }

    #[test]
    fn what_is_compatible_is_written_when_asked() {
        for (name, after) in [("extended", &EXTENDED), ("second", &SECOND)] {
            let error = change(name, after, false).unwrap_err();
            assert!(matches!(error, SchemaError::Outdated { .. }), "{error}");
            assert!(error.to_string().contains("UPDATE_SCHEMA=1"), "{error}");
            change(name, after, true).unwrap();
        }
    }

    #[test]
    fn an_older_version_than_the_locked_one_is_refused() {
        let path = std::env::temp_dir().join(format!("nether-{}-older", std::process::id()));
        let _ = std::fs::remove_file(&path);
        check(&path, [&SECOND].into_iter(), false).unwrap();
        let error = check(&path, [&FIRST].into_iter(), true).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert!(error.to_string().contains("`version = 3`"), "{error}");
    }
}
