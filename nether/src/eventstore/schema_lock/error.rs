//! [`SchemaError`]: what a test prints, and [`Report`], which makes it.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use crate::eventstore::schema_lock::finding::SchemaFinding;

/// The environment variable that lets changes be written to the lock file.
pub(super) const UPDATE: &str = "UPDATE_SCHEMA";

/// A difference between what the program stores and the lock file.
#[non_exhaustive]
pub enum SchemaError {
    /// Something has changed so that what is stored could not be read, or would be read as something else.
    Incompatible {
        /// Each change, with what to do about it.
        changes: Vec<String>,
    },
    /// Something is gone, or has another name.
    Removed {
        /// Each change, with what to do about it.
        changes: Vec<String>,
    },
    /// There is something new: the file has to be updated and committed.
    Outdated {
        /// The additions, one each.
        changes: Vec<String>,
        /// The file.
        path: PathBuf,
    },
    /// The file is to be updated by something that is neither `1` nor the name of what is gone.
    Setting {
        /// What `UPDATE_SCHEMA` has, or [`SchemaLock::removed`](super::SchemaLock::removed).
        given: String,
    },
    /// The file cannot be read or written; or it is missing where the environment variable `CI` is set.
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// All differences.
#[derive(Default)]
pub(super) struct Report {
    unreadable: Vec<String>,
    gone: Vec<String>,
    new: Vec<String>,
    has_removed: bool,
}

impl Report {
    pub(super) fn of(findings: Vec<SchemaFinding>) -> Self {
        let mut report = Report::default();
        for finding in findings {
            match finding {
                SchemaFinding::Unreadable(change) => report.unreadable.push(change),
                SchemaFinding::Gone {
                    what,
                    condition,
                    name,
                } => report.gone.push(format!(
                    "{what}; {condition}: `{UPDATE}=\"{name}\" cargo test`"
                )),
                SchemaFinding::New(change) => report.new.push(change),
                SchemaFinding::Removed => report.has_removed = true,
            }
        }
        report
    }

    /// Whether there is no difference, or one that is written to the file.
    pub(super) fn is_fine(&self, updates: bool) -> bool {
        self.unreadable.is_empty() && self.gone.is_empty() && (updates || !self.has_news())
    }

    pub(super) fn has_news(&self) -> bool {
        self.has_removed || !self.new.is_empty()
    }

    pub(super) fn into_error(self, path: PathBuf) -> SchemaError {
        let (mut changes, gone) = (self.unreadable, self.gone);
        if !changes.is_empty() {
            changes.extend(gone);
            return SchemaError::Incompatible { changes };
        }
        if !gone.is_empty() {
            return SchemaError::Removed { changes: gone };
        }
        SchemaError::Outdated {
            changes: self.new,
            path,
        }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, changes: &[String]| {
            changes.iter().try_for_each(|it| write!(f, "\n  - {it}"))
        };
        match self {
            SchemaError::Incompatible { changes } => {
                f.write_str("what stores already hold has changed:")?;
                list(f, changes)
            }
            SchemaError::Removed { changes } => {
                f.write_str("what stores already hold is gone from the program:")?;
                list(f, changes)
            }
            SchemaError::Outdated { changes, path } => {
                write!(f, "`{}` is out of date:", path.display())?;
                list(f, changes)?;
                f.write_char('\n')?;
                write!(f, "update it with `{UPDATE}=1 cargo test`, and commit it")
            }
            SchemaError::Setting { given } => write!(
                f,
                "`{given}` does not say what to update: `{UPDATE}` takes `1`, or what is gone by kind and name, separated by commas, \
                 such as `event order.placed` (`event`, `command`, `aggregate`, `projection` or `saga`)"
            ),
            SchemaError::File { path, reason } => write!(f, "`{}`: {reason}", path.display()),
        }
    }
}

/// The text of [`Display`](fmt::Display): a test that unwraps a [`check_schema`](super::check_schema) prints
/// what to do.
impl fmt::Debug for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for SchemaError {}
