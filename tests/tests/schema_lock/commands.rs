//! Commands of sagas, which are stored until they are done.

use nether::eventstore::Step;
use nether::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Lock, incompatible, removed};

#[event(name = "commands.asked")]
pub struct Asked {
    pub id: u32,
}

#[command(name = "before.pack")]
pub struct PackBefore {
    pub id: u32,
    pub cents: u32,
}

#[command(name = "after.pack")]
pub struct PackAfter {
    pub id: u32,
    pub euros: u32,
}

#[command(name = "before.unpack", key = id)]
pub struct UnpackBefore {
    pub id: u32,
    pub box_id: u32,
}

#[command(name = "after.unpack", key = id)]
pub struct UnpackAfter {
    pub id: u32,
    pub box_number: u32,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Packing;

#[saga(key = id, handles = [Asked], starts = [Asked, UnpackBefore, UnpackAfter], sends = [PackBefore, PackAfter])]
impl Packing {
    fn asked(&mut self, event: &Asked, step: &mut Step<Self>) {
        let id = event.id;
        step.send(PackBefore { id, cents: 1 });
        step.send(PackAfter { id, euros: 1 });
    }

    fn before(&mut self, _: &UnpackBefore) {}

    fn after(&mut self, _: &UnpackAfter) {}
}

#[test]
fn a_command_that_sagas_have_stored_stays_readable() {
    let lock = Lock::new("commands");
    lock.copy("commands", "before.pack", "after.pack");
    let text = incompatible(&lock.error());
    for part in [
        "`after.pack` (",
        "commands.rs:",
        "missing field `euros`",
        "send another command",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_command_that_has_started_sagas_stays_readable() {
    let lock = Lock::new("start-commands");
    lock.copy("commands", "before.unpack", "after.unpack");
    let text = incompatible(&lock.error());
    for part in [
        "`after.unpack` (",
        "commands.rs:",
        "missing field `box_number`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_command_that_no_saga_sends_any_more_is_reported() {
    let lock = Lock::new("gone-command");
    lock.copy("commands", "before.pack", "old.pack");
    let text = removed(&lock.error());
    assert!(text.contains("the command `old.pack` is gone"), "{text}");
    lock.open().removed("command old.pack").check().unwrap();
}
