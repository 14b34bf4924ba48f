#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[query(key = account, reply = bool)]
pub struct IsOpen {
    pub account: u64,
}

#[event(name = "test.opened")]
pub struct Opened;

#[derive(Default)]
pub struct Account;

#[aggregate(handles = IsOpen, events = Opened)]
impl Account {
    fn is_open(&self, _: IsOpen) -> bool {
        true
    }

    fn opened(&mut self, _: &Opened) {}
}

fn main() {}
