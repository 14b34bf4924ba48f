#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "opened")]
pub struct Opened;

#[command(key = account, local)]
pub struct Open {
    pub account: u32,
}

#[derive(Default)]
pub struct Account;

#[aggregate(handles = Open, events = Opened, retry = 3)]
impl Account {
    fn open(&self, _: Open) -> Opened {
        Opened
    }

    fn opened(&mut self, _: &Opened) {}
}

fn main() {}
