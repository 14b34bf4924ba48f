#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(key = account)]
pub struct Open {
    pub account: u64,
}

#[event(name = "test.opened")]
pub struct Opened;

#[event(name = "test.closed")]
pub struct Closed;

#[derive(Default)]
pub struct Account;

#[aggregate(handles = Open, events = Opened)]
impl Account {
    fn open(&self, _: Open) -> Vec<Closed> {
        vec![Closed]
    }

    fn opened(&mut self, _: &Opened) {}
}

fn main() {}
