#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(key = account)]
pub struct Open {
    pub account: u64,
}

#[query(key = account, reply = bool)]
pub struct IsOpen {
    pub account: u64,
}

#[event(name = "test.opened")]
pub struct Opened;

#[derive(Default)]
pub struct Account;

#[aggregate(handles = [Open, IsOpen], events = Opened)]
impl Account {
    fn open(&self, _: Open) -> Opened {
        Opened
    }

    async fn is_open(&self, _: IsOpen, ctx: &QueryContext<Self>) -> bool {
        true
    }

    fn opened(&mut self, _: &Opened) {}
}

fn main() {}
