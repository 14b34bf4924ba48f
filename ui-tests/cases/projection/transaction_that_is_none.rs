#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether_sqlite::SqliteTransaction;

#[event(name = "noted")]
pub struct Noted;

#[derive(Default)]
pub struct Notes;

pub struct Wrapper<'a>(&'a str);

#[projection(handles = Noted, transaction = Wrapper)]
impl Notes {
    fn noted(&mut self, _: &Noted, transaction: &Wrapper<'_>) {}
}

fn main() {}
