#![allow(unused_imports, unused_variables, dead_code)]
use nether::eventstore::Step;
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[command(name = "ship")]
pub struct Ship {
    pub order: u64,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Fulfilment;

#[saga(key = order, handles = Ship, starts = Ship)]
impl Fulfilment {
    fn ship(&mut self, _: &Ship) {}
}

fn main() {}
