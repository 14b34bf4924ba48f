//! Lists of numbers, and a saga that notes each number.

use nether::eventstore::Step;
use nether::prelude::*;

#[command(key = key, reply = Vec<u64>)]
pub(crate) struct Add {
    pub(crate) key: String,
    pub(crate) number: u64,
}

#[query(key = key, reply = Vec<u64>)]
pub(crate) struct ListOf {
    pub(crate) key: String,
}

#[event(name = "appender.added")]
pub(crate) struct Added {
    pub(crate) key: String,
    pub(crate) number: u64,
    /// The number, as the key of its saga.
    pub(crate) note: String,
}

#[derive(Default)]
pub(crate) struct List(Vec<u64>);

#[aggregate(name = "list", handles = [Add, ListOf], events = [Added])]
impl List {
    fn add(&self, add: Add) -> Added {
        Added {
            key: add.key,
            number: add.number,
            note: add.number.to_string(),
        }
    }

    fn list(&self, _: ListOf) -> Vec<u64> {
        self.0.clone()
    }

    fn added(&mut self, event: &Added) {
        self.0.push(event.number);
    }
}

impl From<&List> for Vec<u64> {
    fn from(list: &List) -> Self {
        list.0.clone()
    }
}

#[command(name = "appender.note", key = note)]
pub(crate) struct Note {
    pub(crate) note: String,
}

#[event(name = "appender.noted")]
pub(crate) struct Noted {
    pub(crate) note: String,
}

/// The note of one number. It does not ask whether there is one: that is what is under test.
#[derive(Default)]
pub(crate) struct NoteBook;

#[aggregate(name = "note", handles = [Note], events = [Noted])]
impl NoteBook {
    fn note(&self, note: Note) -> Noted {
        Noted { note: note.note }
    }

    fn noted(&mut self, _: &Noted) {}
}

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Notes;

#[saga(
    key = note,
    handles = [Added, Noted],
    starts = [Added],
    ends = [Noted],
    sends = [Note]
)]
impl Notes {
    fn added(&mut self, event: &Added, step: &mut Step<Self>) {
        let note = event.note.clone();
        step.send(Note { note });
    }

    fn noted(&mut self, _: &Noted) {}
}
