#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(key = id)]
pub struct Open {
    pub id: u64,
}

#[command]
pub struct Move {
    pub from: u64,
    pub note: String,
}

#[event(name = "test.opened")]
pub struct Opened;

#[event(name = "test.moved")]
pub struct Moved;

#[derive(Default)]
pub struct Account;

#[aggregate(handles = [Open], events = [Opened, Moved])]
impl Account {
    fn open(&self, _: Open) -> Opened {
        Opened
    }

    fn opened(&mut self, _: &Opened) {}

    fn moved(&mut self, _: &Moved) {}
}

#[event(name = "test.noted")]
pub struct Noted;

#[derive(Default)]
pub struct Note;

#[aggregate(handles = [], events = [Noted])]
impl Note {
    fn noted(&mut self, _: &Noted) {}
}

pub struct Moves;

#[decision(handles = [Move], of = [Account(from), Note(note)])]
impl Moves {
    fn make(_: Move, from: &Account, rates: Resource<u8>, note: &Note) {}
}

fn main() {}
