#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "test.opened")]
pub struct Opened;

#[command(key = id)]
pub struct Open {
    pub id: u64,
}

#[derive(Default)]
pub struct Account;

#[aggregate(handles = Open, events = Opened)]
impl Account {
    fn open(&self, _: Open) -> Opened {
        Opened
    }

    fn opened(&mut self, _: &Opened) {}
}

#[nether::main(modules = [Account])]
async fn run(system: System) {}

fn main() {}
