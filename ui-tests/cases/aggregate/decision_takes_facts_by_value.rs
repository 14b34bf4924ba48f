#![allow(unused_imports, unused_variables, dead_code)]
use nether::eventstore::Facts;
use nether::prelude::*;

#[command(key = account)]
pub struct Open {
    pub account: u64,
}

#[event(name = "test.opened")]
pub struct Opened;

#[derive(Default)]
pub struct Account;

#[aggregate(handles = Open, events = Opened)]
impl Account {
    fn open(&self, _: Open, facts: Facts) -> Opened {
        Opened
    }

    fn opened(&mut self, _: &Opened) {}
}

fn main() {}
