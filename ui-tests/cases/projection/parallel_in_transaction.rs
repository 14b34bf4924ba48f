#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether_sqlite::SqliteTransaction;

#[event(name = "test.noted")]
pub struct Noted;

#[derive(Default)]
pub struct Notes;

#[projection(handles = Noted, transaction = SqliteTransaction, parallel = 8)]
impl Notes {
    fn noted(&self, _: &Noted, transaction: &SqliteTransaction<'_>) {}
}

fn main() {}
