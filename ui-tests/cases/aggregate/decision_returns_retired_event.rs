#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "begun")]
pub struct Begun;

#[event(name = "old", becomes = begun)]
pub struct Opened;

fn begun(_: Opened) -> Begun {
    Begun
}

#[command(key = account)]
pub struct Open {
    pub account: u32,
}

#[derive(Default)]
pub struct Account;

#[aggregate(handles = Open, events = Begun)]
impl Account {
    fn open(&self, _: Open) -> Opened {
        Opened
    }

    fn begun(&mut self, _: &Begun) {}
}

fn main() {}
