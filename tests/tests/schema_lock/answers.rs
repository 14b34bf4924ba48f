//! What sagas answer commands with, which is read when a command is sent again.

use nether::eventstore::{Step, StepFailed};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Lock, incompatible, removed};

#[derive(Debug, Serialize, Deserialize)]
pub struct Packed {
    pub boxes: u32,
}

impl From<&Moving> for Packed {
    fn from(_: &Moving) -> Self {
        Packed { boxes: 1 }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Unpacked {
    pub crates: u32,
}

impl From<&Moving> for Unpacked {
    fn from(_: &Moving) -> Self {
        Unpacked { crates: 1 }
    }
}

#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
pub enum MoveError {
    #[error("no van")]
    NoVan,
    #[error("{0}")]
    Other(String),
}

#[command(name = "before.move_in", key = id, reply = Packed, error = MoveError)]
pub struct MoveInBefore {
    pub id: u32,
}

#[command(name = "after.move_in", key = id, reply = Unpacked, error = MoveError)]
pub struct MoveInAfter {
    pub id: u32,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Moving;

#[saga(key = id, starts = [MoveInBefore, MoveInAfter], sends = [])]
impl Moving {
    fn before(&mut self, _: &MoveInBefore, step: &mut Step<Self>) {
        step.end();
    }

    fn after(&mut self, _: &MoveInAfter, step: &mut Step<Self>) {
        step.end();
    }

    fn answer(&self, failed: &StepFailed) -> MoveError {
        match failed.command() {
            Some(_) => MoveError::NoVan,
            None => MoveError::Other(failed.to_string()),
        }
    }
}

#[test]
fn the_reply_of_a_saga_stays_readable() {
    let lock = Lock::new("replies");
    lock.copy("replies", "before.move_in", "after.move_in");
    let text = incompatible(&lock.error());
    for part in [
        "the reply of `after.move_in` (",
        "answers.rs:",
        "missing field `crates`",
        "another command",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_typed_error_of_a_saga_stays_readable() {
    let lock = Lock::new("errors");
    let mut json = lock.json();
    let record = &mut json["stored"]["errors"]["after.move_in"];
    assert!(record["samples"].to_string().contains("NoVan"), "{record}");
    record["samples"] = serde_json::json!(["NoTruck"]);
    lock.write(&json);
    let text = incompatible(&lock.error());
    for part in ["the error of `after.move_in` (", "NoTruck"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn an_answer_goes_and_comes_with_its_command() {
    let lock = Lock::new("gone-answers");
    for kind in ["commands", "replies", "errors"] {
        lock.copy(kind, "before.move_in", "old.move_in");
    }
    let text = removed(&lock.error());
    assert!(text.contains("the command `old.move_in` is gone"), "{text}");
    assert!(
        !text.contains("the reply") && !text.contains("the error"),
        "{text}"
    );
    lock.open().removed("command old.move_in").check().unwrap();
    let json = lock.json();
    assert!(json["removed"]["replies"]["old.move_in"].is_object());
    assert!(json["stored"]["errors"].get("old.move_in").is_none());
    lock.open().check().unwrap();
}

#[test]
fn a_file_from_before_answers_is_extended() {
    let lock = Lock::new("without-answers");
    let mut json = lock.json();
    let stored = json["stored"].as_object_mut().unwrap();
    stored.remove("replies").unwrap();
    stored.remove("errors").unwrap();
    lock.write(&json);
    let text = lock.error().to_string();
    assert!(text.contains("the reply `after.move_in` is new"), "{text}");
    lock.is_accepted("answers");
}
