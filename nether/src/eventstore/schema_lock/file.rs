//! [`LockFile`]: the file, as it is written down.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fmt, fs, io};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::eventstore::backend::{Encoding, Payload};
use crate::eventstore::schema_lock::error::SchemaError;
use crate::hexadecimal::hexadecimal;

/// The format that is written. In format 1 the file had no `format`, and events alone.
const FORMAT: u32 = 2;

/// The file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LockFile {
    format: u32,
    /// What the program stores.
    pub(super) stored: Recorded,
    /// What it has stored, and is gone from it.
    #[serde(default, skip_serializing_if = "Recorded::is_empty")]
    pub(super) removed: Recorded,
}

/// All that is under names, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Recorded {
    /// And by version.
    pub(super) events: BTreeMap<String, BTreeMap<u32, RecordedShape>>,
    /// Those that sagas store.
    pub(super) commands: BTreeMap<String, RecordedShape>,
    /// What sagas answer commands with, by the names of these.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) replies: BTreeMap<String, RecordedShape>,
    /// What they answer with if they have failed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) errors: BTreeMap<String, RecordedShape>,
    pub(super) aggregates: BTreeMap<String, RecordedAggregate>,
    /// Those that have a checkpoint.
    pub(super) projections: BTreeMap<String, RecordedProjection>,
    pub(super) sagas: BTreeMap<String, RecordedSaga>,
}

/// What something looks like that is written down.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RecordedShape {
    /// Values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) samples: Vec<Box<RawValue>>,
    /// Values in MessagePack, if stores are in that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) packed: Vec<PackedSample>,
    /// The fields that may be missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) optional: Vec<String>,
    /// Fields that samples have and that are not read any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) dropped: Vec<String>,
    /// Texts that are read as another one, which no sample had there then: variants that were renamed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) renamed: Vec<String>,
    /// The fields, of what was written in format 1: there were no samples.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<RecordedField>,
}

/// A value in MessagePack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PackedSample {
    pub(super) sample: Box<RawValue>,
    /// In hexadecimal.
    pub(super) bytes: String,
}

/// A field of an event, in format 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordedField {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) ty: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) optional: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct RecordedAggregate {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) snapshots: Option<RecordedSnapshots>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RecordedSnapshots {
    pub(super) version: u32,
    pub(super) state: RecordedShape,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordedProjection {
    #[serde(default = "first_version", skip_serializing_if = "is_first")]
    pub(super) version: u32,
    pub(super) handles: Vec<String>,
}

fn first_version() -> u32 {
    1
}

// Serde gives a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_first(version: &u32) -> bool {
    *version == first_version()
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct RecordedSaga {
    pub(super) key: String,
    pub(super) handles: Vec<String>,
    pub(super) starts: Vec<String>,
    pub(super) sends: Vec<String>,
    pub(super) timeouts: Vec<String>,
    pub(super) state: RecordedShape,
}

/// What the file was in format 1.
#[derive(Deserialize)]
struct FirstFormat {
    events: BTreeMap<String, BTreeMap<u32, Vec<RecordedField>>>,
}

/// What every format says.
#[derive(Deserialize)]
struct WhichFormat {
    #[serde(default = "first")]
    format: u32,
}

fn first() -> u32 {
    1
}

impl Default for LockFile {
    fn default() -> Self {
        LockFile {
            format: FORMAT,
            stored: Recorded::default(),
            removed: Recorded::default(),
        }
    }
}

impl PackedSample {
    pub(super) fn of(sample: Box<RawValue>, bytes: &[u8]) -> Self {
        let bytes = hexadecimal(bytes);
        PackedSample { sample, bytes }
    }

    pub(super) fn payload(&self) -> Payload {
        let digit = |letter: &u8| char::from(*letter).to_digit(16).unwrap_or(0);
        let byte = |pair: &[u8]| pair.iter().fold(0, |byte, it| byte << 4 | digit(it));
        let bytes = self.bytes.as_bytes().chunks(2);
        Payload {
            encoding: Encoding::MessagePack,
            bytes: bytes.map(|pair| byte(pair) as u8).collect(),
        }
    }
}

impl Recorded {
    fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.commands.is_empty()
            && self.replies.is_empty()
            && self.errors.is_empty()
            && self.aggregates.is_empty()
            && self.projections.is_empty()
            && self.sagas.is_empty()
    }
}

impl LockFile {
    pub(super) fn read(path: &Path) -> Result<Option<Self>, SchemaError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(path, error)),
        };
        let read = |error: serde_json::Error| unusable(path, error);
        let WhichFormat { format } = serde_json::from_str(&text).map_err(read)?;
        match format {
            1 => serde_json::from_str(&text)
                .map(FirstFormat::converted)
                .map_err(read),
            FORMAT => serde_json::from_str(&text).map_err(read),
            other => Err(unusable(
                path,
                format!(
                    "it is in format {other}, of a newer version of Nether; this one knows {FORMAT}"
                ),
            )),
        }
        .map(Some)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), SchemaError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| unusable(path, error))?;
        fs::write(path, text + "\n").map_err(|error| unusable(path, error))
    }
}

impl FirstFormat {
    fn converted(self) -> LockFile {
        let shape = |fields| RecordedShape {
            fields,
            ..RecordedShape::default()
        };
        let events = self.events.into_iter().map(|(name, versions)| {
            let versions = versions.into_iter();
            let versions = versions.map(|(version, fields)| (version, shape(fields)));
            (name, versions.collect())
        });
        let mut file = LockFile::default();
        file.stored.events = events.collect();
        file
    }
}

fn unusable(path: &Path, error: impl fmt::Display) -> SchemaError {
    SchemaError::File {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
