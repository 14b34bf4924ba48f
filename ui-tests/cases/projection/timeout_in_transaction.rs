#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

use nether_sqlite::SqliteTransaction;

#[event(name = "opened")]
pub struct Opened;

#[derive(Default)]
pub struct Openings;

#[projection(handles = Opened, transaction = SqliteTransaction, timeout = "2s")]
impl Openings {
    fn opened(&mut self, _: &Opened, tx: &SqliteTransaction<'_>) {}
}

fn main() {}
