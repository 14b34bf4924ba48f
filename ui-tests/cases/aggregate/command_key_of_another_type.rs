#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(key = account)]
pub struct Open {
    pub account: u64,
}

#[command(key = name)]
pub struct Close {
    pub name: String,
}

#[event(name = "test.opened")]
pub struct Opened;

#[derive(Default)]
pub struct Account;

#[aggregate(handles = [Open, Close], events = Opened)]
impl Account {
    fn open(&self, _: Open) -> Opened {
        Opened
    }

    fn close(&self, _: Close) {}

    fn opened(&mut self, _: &Opened) {}
}

fn main() {}
