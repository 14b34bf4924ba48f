#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "test.opened")]
pub struct Opened;

#[derive(Default)]
pub struct Account;

#[aggregate(handles = Opened, events = [])]
impl Account {
    fn opened(&self, _: Opened) {}
}

fn main() {}
