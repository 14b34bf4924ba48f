//! The file: its formats.

use std::fs;

use nether::eventstore::{SchemaError, SchemaLock};
use nether_tests::Folder;
use serde_json::json;

use crate::{Lock, incompatible, outdated};

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
fn a_file_that_is_no_lock_file_is_told() {
    let folder = Folder::new("schema-broken");
    let path = folder.0.join("nether-schema.lock.json");
    fs::write(&path, "{").unwrap();
    let error = SchemaLock::at(&path).check().unwrap_err();
    assert!(matches!(error, SchemaError::File { .. }), "{error}");
}
