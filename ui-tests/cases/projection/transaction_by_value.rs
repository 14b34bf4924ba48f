#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether_sqlite::SqliteTransaction;

#[event(name = "noted")]
pub struct Noted;

#[derive(Default)]
pub struct Notes;

#[projection(handles = Noted, transaction = SqliteTransaction)]
impl Notes {
    fn noted(&mut self, _: &Noted, transaction: SqliteTransaction<'_>) {}
}

fn main() {}
