//! The file: its formats.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use nether::eventstore::{SchemaError, SchemaLock};
use nether_tests::Folder;
use serde_json::json;

use crate::{Lock, events, incompatible, made_up, outdated};

#[test]
fn a_file_of_events_alone_is_read_and_extended() {
    let lock = Lock::new("first-format");
    let whole = lock.json();
    let field = |name: &str, ty: &str| json!({ "name": name, "type": ty });
    let optional = json!({ "name": "twice", "type": "Option<bool>", "optional": true });
    let first =
        |ty: &str| json!({ "events": { "names.seen": { "1": [field("who", ty), optional] } } });
    lock.write(&first("String"));
    let text = outdated(&lock.error());
    assert!(text.contains("UPDATE_SCHEMA=1 cargo test"), "{text}");
    lock.open().update().check().unwrap();
    assert_eq!(lock.json(), whole);
    lock.write(&first("u32"));
    let text = incompatible(&lock.error());
    assert!(
        text.contains("the field `who` was `u32` and is `String`"),
        "{text}"
    );
}

#[test]
fn a_file_of_a_newer_format_is_not_touched() {
    let lock = Lock::new("newer");
    lock.write(&json!({ "format": 3, "stored": {} }));
    let error = lock.open().update().check().unwrap_err();
    assert!(matches!(error, SchemaError::File { .. }), "{error}");
    assert!(error.to_string().contains("format 3"), "{error}");
}

/// Checks the file that it is given, in a process of its own, by the tests below.
#[test]
fn checks_the_file_that_it_is_given() {
    if let Some(path) = env::var_os(CHECKED) {
        let lock = SchemaLock::at(path).sample(&made_up::Sealed::of("seal 7"));
        let lock = lock.sample(&events::Untagged::A { x: 7 });
        lock.check().unwrap();
    }
}

const CHECKED: &str = "CHECK_THIS_SCHEMA";

/// Whether the check of the file passes with these environment variables, and what it prints.
fn checked(path: &Path, variables: &[(&str, &str)]) -> (bool, String) {
    let mut test = Command::new(env::current_exe().expect("this program"));
    test.args([
        "--exact",
        "file::checks_the_file_that_it_is_given",
        "--nocapture",
    ]);
    test.env_remove("CI").env_remove("UPDATE_SCHEMA");
    test.env(CHECKED, path).envs(variables.iter().copied());
    let output = test.output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), text)
}

#[test]
fn a_file_that_is_missing_is_written_but_not_in_ci() {
    let folder = Folder::new("schema-ci");
    let path = folder.0.join("nether-schema.lock.json");
    let (passed, text) = checked(&path, &[("CI", "true")]);
    assert!(
        !passed && text.contains("run the test once elsewhere, and commit the file"),
        "{text}"
    );
    assert!(!path.exists());
    let (passed, text) = checked(&path, &[("CI", "")]);
    assert!(passed && path.exists(), "{text}");
    let (passed, text) = checked(&path, &[("CI", "true")]);
    assert!(passed, "{text}");
}

#[test]
fn the_file_is_updated_by_1_and_by_names_alone() {
    let lock = Lock::new("asked");
    let whole = lock.json();
    let mut before = whole.clone();
    let recorded = before["stored"]["events"].as_object_mut().unwrap();
    recorded.remove("names.seen");
    for asked in ["0", "yes", "event", "event order.placed, true", "evnt a"] {
        lock.write(&before);
        let (passed, text) = checked(&lock.path, &[("UPDATE_SCHEMA", asked)]);
        assert!(!passed && text.contains("takes `1`"), "{asked}: {text}");
        assert_eq!(lock.json(), before);
    }
    let (passed, text) = checked(&lock.path, &[("UPDATE_SCHEMA", "")]);
    assert!(!passed && text.contains("is out of date"), "{text}");
    assert_eq!(lock.json(), before);
    for asked in ["1", "event order.placed", " 1 , saga a"] {
        lock.write(&before);
        let (passed, text) = checked(&lock.path, &[("UPDATE_SCHEMA", asked)]);
        assert!(passed, "{asked}: {text}");
        assert_eq!(lock.json(), whole);
    }
    let error = lock.open().removed("order.placed").check().unwrap_err();
    assert!(matches!(error, SchemaError::Setting { .. }), "{error}");
}

#[test]
fn the_first_check_writes_the_file_and_the_next_ones_leave_it() {
    let lock = Lock::new("first");
    assert_eq!(lock.json()["format"], 2);
    let before = lock.json();
    lock.open().check().unwrap();
    lock.open().update().check().unwrap();
    assert_eq!(lock.json(), before);
}

#[test]
fn a_file_that_is_no_lock_file_is_reported() {
    let folder = Folder::new("schema-broken");
    let path = folder.0.join("nether-schema.lock.json");
    fs::write(&path, "{").unwrap();
    let error = SchemaLock::at(&path).check().unwrap_err();
    assert!(matches!(error, SchemaError::File { .. }), "{error}");
}
