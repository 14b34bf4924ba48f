#![allow(unused_imports, unused_variables, dead_code)]
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
    fn open(&self, _: Open) -> Opened {
        Opened
    }

    fn opened(&mut self, _: &Opened) {}
}

#[derive(Default)]
pub struct Safe;

#[aggregate(handles = Open, events = Opened)]
impl Safe {
    fn open(&self, _: Open) {}

    fn opened(&mut self, _: &Opened) {}
}

async fn open(ctx: &Context) {
    let _ = ctx.send(Open { account: 1 }).await;
}

fn main() {}
