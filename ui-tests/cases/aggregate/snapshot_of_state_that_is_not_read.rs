#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use serde::Serialize;

#[event(name = "test.opened")]
pub struct Opened;

#[derive(Default, Serialize)]
pub struct Account;

#[aggregate(handles = [], events = Opened, snapshot_every = 100)]
impl Account {
    fn opened(&mut self, _: &Opened) {}
}

fn main() {}
