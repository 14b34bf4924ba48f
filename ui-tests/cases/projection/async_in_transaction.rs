#![allow(unused_imports, unused_variables, dead_code)]
use nether::eventstore::SqliteTransaction;
use nether::prelude::*;

#[event]
pub struct Noted;

#[derive(Default)]
pub struct Notes;

#[projection(handles = Noted, transaction = SqliteTransaction)]
impl Notes {
    async fn noted(&mut self, _: &Noted, transaction: &SqliteTransaction<'_>) {}
}

fn main() {}
