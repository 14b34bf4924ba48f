//! The values that are made up of a type show all that it writes.

use nether::eventstore::{SchemaError, SchemaLock};
use nether::prelude::*;
use nether_tests::Folder;
use serde::{Deserialize, Serialize};

use crate::{Lock, incompatible};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Address {
    pub street: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<i8>,
}

#[event(name = "made.tagged")]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Tagged {
    Opened { at: Address, note: Option<String> },
    WasClosed { why: Why },
    Lost,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "is", content = "of")]
pub enum Why {
    Age(u8),
    Wish { by: String },
    Unknown,
}

#[event(name = "made.flat")]
pub struct Flat {
    pub id: u64,
    #[serde(flatten)]
    pub address: Address,
    #[serde(flatten)]
    pub why: Why,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Tree {
    Node(Box<Tree>, Box<Tree>),
    Many(Vec<Tree>),
    Leaf { value: Option<u32> },
}

#[event(name = "made.tree")]
pub struct Planted(pub Tree);

#[event(name = "made.parsed")]
pub struct Parsed {
    pub from: std::net::IpAddr,
    pub by_day: std::collections::BTreeMap<u16, Vec<char>>,
    pub never_zero: std::num::NonZeroU8,
    pub whole: serde_json::Value,
    pub took: std::time::Duration,
}

#[event(name = "made.renamed")]
#[allow(dead_code)] // Serde skips a field.
pub struct Renamed {
    #[serde(rename = "b", alias = "a", alias = "c")]
    pub old: bool,
    #[serde(skip)]
    pub skipped: Option<u8>,
}

/// Reads certain texts alone.
#[event(name = "made.sealed")]
pub struct Sealed {
    seal: Seal,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Seal(String);

impl TryFrom<String> for Seal {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.strip_prefix("seal ") {
            Some(_) => Ok(Seal(text)),
            None => Err("a seal is missing"),
        }
    }
}

impl From<Seal> for String {
    fn from(seal: Seal) -> Self {
        seal.0
    }
}

impl Sealed {
    pub(crate) fn of(text: &str) -> Self {
        Sealed {
            seal: Seal(text.to_owned()),
        }
    }
}

fn samples(lock: &Lock, name: &str) -> String {
    lock.json()["stored"]["events"][name]["1"].to_string()
}

#[track_caller]
fn shows(lock: &Lock, name: &str, parts: &[&str]) {
    let samples = samples(lock, name);
    for part in parts {
        assert!(samples.contains(part), "{part}: {samples}");
    }
}

#[test]
fn each_variant_and_each_option_is_shown_whatever_serde_attributes_say() {
    let lock = Lock::new("made");
    let tagged = [
        r#""type":"opened""#,
        r#""type":"was_closed""#,
        r#""type":"lost""#,
        r#""street":"text "#,
        r#""note":null"#,
        r#""note":"text "#,
        r#""is":"Age""#,
        r#""is":"Wish""#,
        r#""is":"Unknown""#,
    ];
    shows(&lock, "made.tagged", &tagged);
    let flat = [
        r#""id":"#,
        r#""street":"#,
        r#""is":"Age""#,
        r#""is":"Wish""#,
    ];
    shows(&lock, "made.flat", &flat);
    let tree = [
        r#""Node":["#,
        r#""Many":["#,
        r#""value":null"#,
        r#""value":1"#,
    ];
    shows(&lock, "made.tree", &tree[..3]);
    let parsed = [r#""from":"127.0.0.1""#, r#""never_zero":"#, r#""secs":"#];
    shows(&lock, "made.parsed", &parsed);
    shows(&lock, "made.renamed", &[r#"{"b":true}"#, r#"{"b":false}"#]);
}

#[test]
fn lists_numbers_and_texts_are_shown_at_their_ends() {
    let lock = Lock::new("ends");
    shows(&lock, "before.one", &[r#"{"n":[]}"#]);
    let json = lock.json();
    let samples = json["stored"]["events"]["before.one"]["1"]["samples"].as_array();
    let lists = samples
        .unwrap()
        .iter()
        .map(|it| it["n"].as_array().unwrap());
    assert!(lists.into_iter().any(|it| it.len() == 2 && it[0] == it[1]));
    shows(&lock, "before.merged", &["Old", "Other", "Third"]);
    shows(&lock, "before.needed", &[r#"{"n":0}"#]);
    shows(&lock, "before.never_empty", &[r#"{"word":""}"#]);
    shows(&lock, "before.one_form", &["127.0.0.1", "::1"]);
}

#[test]
fn samples_are_the_same_each_time() {
    let (one, other) = (Lock::new("one"), Lock::new("other"));
    assert_eq!(one.json(), other.json());
}

#[test]
fn a_type_of_which_no_value_can_be_made_needs_one_that_is_given() {
    let folder = Folder::new("schema-given");
    let path = folder.0.join("nether-schema.lock.json");
    let error = SchemaLock::at(&path).update().check().unwrap_err();
    let text = incompatible(&error);
    for part in [
        "`made.sealed` (",
        "made_up.rs:",
        "a seal is missing",
        ".sample(&value)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!path.exists());
    let lock = Lock::new("given");
    shows(&lock, "made.sealed", &[r#""seal":"seal 7""#]);
    assert!(matches!(error, SchemaError::Incompatible { .. }));
}
