//! States of sagas, and snapshots: types that the attribute does not see.

use nether::eventstore::Step;
use nether::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Lock, incompatible, outdated, removed};

#[event(name = "state.opened")]
pub struct Opened {
    pub id: u32,
    pub other: u32,
}

#[event(name = "state.closed")]
pub struct Closed {
    pub id: u32,
    pub other: u32,
}

#[command(key = id)]
pub struct Open {
    pub id: u32,
}

#[command(name = "state.note")]
pub struct Note {
    pub id: u32,
}

mod before {
    use super::*;

    #[derive(Debug, Default, Serialize, Deserialize)]
    pub struct Account {
        pub cents: u64,
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    pub enum Stage {
        #[default]
        Asked,
        Paid,
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    pub struct Flow {
        pub stage: Stage,
        pub tries: Option<u32>,
    }

    #[saga(name = "before.flow", key = id, handles = [Opened, Closed], starts = [Opened], sends = [Note])]
    impl Flow {
        fn opened(&mut self, event: &Opened, step: &mut Step<Self>) {
            step.send(Note { id: event.id });
        }

        fn closed(&mut self, _: &Closed) {}

        #[timeout("1h")]
        fn late(&mut self) {}
    }
}

mod after {
    use super::*;

    #[derive(Debug, Default, Serialize, Deserialize)]
    pub enum Stage {
        #[default]
        Asked,
        IsPaid,
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    pub struct Flow {
        pub stage: Stage,
        pub tries: Option<u32>,
    }

    #[saga(name = "after.flow", key = id, handles = [Opened, Closed], starts = [Opened], sends = [Note])]
    impl Flow {
        fn opened(&mut self, event: &Opened, step: &mut Step<Self>) {
            step.send(Note { id: event.id });
        }

        fn closed(&mut self, _: &Closed) {}

        #[timeout("1h")]
        fn late(&mut self) {}
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    pub struct Larger {
        pub stage: super::before::Stage,
        #[serde(default)]
        pub by: Option<String>,
        #[serde(alias = "tries")]
        pub attempts: Option<u32>,
    }

    #[saga(name = "after.larger", key = other, handles = [Opened], starts = [Opened], sends = [])]
    impl Larger {
        fn opened(&mut self, _: &Opened) {}

        #[timeout("1h")]
        fn too_late(&mut self) {}
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    pub struct Account {
        pub cents: u64,
        #[serde(default)]
        pub is_closed: bool,
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    pub struct Versioned {
        pub euros: u64,
    }
}

use after::{Account as AccountAfter, Versioned};
use before::Account;

// One command goes to one aggregate, so each has its own.

#[aggregate(handles = [Open], events = [Opened], name = "before.account", snapshot_every = 5)]
impl Account {
    fn open(&self, open: Open) -> Opened {
        Opened {
            id: open.id,
            other: 0,
        }
    }

    fn opened(&mut self, _: &Opened) {}
}

#[command(key = id)]
pub struct OpenAfter {
    pub id: u32,
}

#[aggregate(handles = [OpenAfter], events = [Opened], name = "after.account", snapshot_every = 5)]
impl AccountAfter {
    fn open(&self, open: OpenAfter) -> Opened {
        Opened {
            id: open.id,
            other: 0,
        }
    }

    fn opened(&mut self, _: &Opened) {}
}

#[command(key = id)]
pub struct OpenVersioned {
    pub id: u32,
}

#[aggregate(
    handles = [OpenVersioned], events = [Opened], name = "after.versioned",
    snapshot_every = 5, snapshot_version = 2
)]
impl Versioned {
    fn open(&self, open: OpenVersioned) -> Opened {
        Opened {
            id: open.id,
            other: 0,
        }
    }

    fn opened(&mut self, _: &Opened) {}
}

#[test]
fn a_snapshot_of_another_shape_needs_a_new_version_also_if_it_could_be_read() {
    let lock = Lock::new("snapshots");
    lock.copy("aggregates", "before.account", "after.account");
    let text = incompatible(&lock.error());
    for part in ["`after.account` (", "states.rs:", "`snapshot_version = 2`"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_snapshot_in_a_new_version_may_have_another_shape_but_not_an_older_one() {
    let lock = Lock::new("snapshot-versions");
    lock.copy("aggregates", "before.account", "after.versioned");
    assert!(outdated(&lock.error()).contains("has a version 2"));
    lock.open().update().check().unwrap();
    lock.open().check().unwrap();
    lock.copy("aggregates", "after.versioned", "before.account");
    let text = incompatible(&lock.error());
    assert!(text.contains("`snapshot_version = 3`"), "{text}");
}

#[test]
fn the_state_of_a_saga_stays_readable() {
    let lock = Lock::new("sagas");
    lock.copy("sagas", "before.flow", "after.flow");
    let text = incompatible(&lock.error());
    for part in [
        "the state of `after.flow` (",
        "states.rs:",
        "unknown variant `Paid`",
        "#[serde(alias",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_key_the_timeouts_and_the_commands_of_a_saga_are_not_dropped_silently() {
    let lock = Lock::new("saga-lists");
    lock.copy("sagas", "before.flow", "after.larger");
    let text = removed(&lock.error());
    let parts = [
        "has the key `other`, which was `id`",
        "has no time-out `late` any more",
        "does not list `state.note` any more",
        "UPDATE_SCHEMA=\"saga after.larger\" cargo test",
    ];
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
    removed(&lock.open().update().check().unwrap_err());
    lock.open().removed("saga after.larger").check().unwrap();
    lock.open().check().unwrap();
}
