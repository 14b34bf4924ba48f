#![allow(unused_imports, unused_variables, dead_code)]
use nether::eventstore::Step;
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[event(name = "test.placed")]
pub struct Placed {
    pub order: u64,
}

#[command(name = "test.ship")]
pub struct Ship;

#[command(name = "recall")]
pub struct Recall;

#[derive(Default, Serialize, Deserialize)]
pub struct Fulfilment;

#[saga(key = order, handles = Placed, starts = Placed, sends = Ship)]
impl Fulfilment {
    fn placed(&mut self, _: &Placed, step: &mut Step<Self>) {
        step.send(Ship).compensate_with(Recall);
    }
}

fn main() {}
