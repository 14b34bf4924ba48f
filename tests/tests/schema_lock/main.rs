//! The schema lock: a test finds changes of a program that could not read what is stored.
//!
//! A binary has one registry. So a type that changes is two types here, whose names begin with `before.` and
//! `after.`: the file is written, and says then of the second what it says of the first.

mod answers;
mod commands;
mod events;
mod file;
mod made_up;
mod names;
mod retired;
mod states;

use std::fs;
use std::path::PathBuf;

use nether::eventstore::{SchemaError, SchemaLock};
use nether_tests::Folder;
use serde_json::Value;

/// A lock file of this program.
pub(crate) struct Lock {
    path: PathBuf,
    _folder: Folder,
}

impl Lock {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Folder::new(&format!("schema-{name}"));
        let path = folder.0.join("nether-schema.lock.json");
        let lock = Lock {
            path,
            _folder: folder,
        };
        lock.open().update().check().unwrap();
        lock
    }

    pub(crate) fn open(&self) -> SchemaLock {
        let lock = SchemaLock::at(&self.path).sample(&made_up::Sealed::of("seal 7"));
        lock.sample(&events::Untagged::A { x: 7 })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(&self.path).unwrap()).unwrap()
    }

    pub(crate) fn write(&self, json: &Value) {
        fs::write(&self.path, json.to_string()).unwrap();
    }

    /// The file says of the second what it says of the first.
    pub(crate) fn copy(&self, kind: &str, from: &str, to: &str) {
        let mut json = self.json();
        let record = json["stored"][kind][from].clone();
        assert!(record.is_object(), "{from}: {record}");
        json["stored"][kind][to] = record;
        self.write(&json);
    }

    /// The file has another name for it.
    pub(crate) fn rename(&self, kind: &str, from: &str, to: &str) {
        self.copy(kind, from, to);
        let mut json = self.json();
        json["stored"][kind].as_object_mut().unwrap().remove(from);
        self.write(&json);
    }

    /// What is said of it, which is what the test changed.
    pub(crate) fn error(&self) -> SchemaError {
        self.open().check().unwrap_err()
    }

    /// The change has to be written to the file, and is fine then.
    pub(crate) fn is_accepted(&self, what: &str) {
        match self.open().check() {
            Ok(()) | Err(SchemaError::Outdated { .. }) => {}
            Err(error) => panic!("{what}: {error}"),
        }
        self.open().update().check().unwrap();
        self.open().check().unwrap();
    }
}

/// Whether an error says that something could not be read; and what it says.
pub(crate) fn incompatible(error: &SchemaError) -> String {
    assert!(matches!(error, SchemaError::Incompatible { .. }), "{error}");
    error.to_string()
}

pub(crate) fn removed(error: &SchemaError) -> String {
    assert!(matches!(error, SchemaError::Removed { .. }), "{error}");
    error.to_string()
}

pub(crate) fn outdated(error: &SchemaError) -> String {
    assert!(matches!(error, SchemaError::Outdated { .. }), "{error}");
    error.to_string()
}
