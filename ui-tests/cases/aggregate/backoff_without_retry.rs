#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "opened")]
pub struct Opened;

#[derive(Default)]
pub struct Account;

#[aggregate(handles = [], events = Opened, backoff = "1s..2s")]
impl Account {
    fn opened(&mut self, _: &Opened) {}
}

fn main() {}
