#![allow(unused_imports, unused_variables, dead_code)]
use nether::eventstore::{Step, given_saga};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[event(name = "test.placed")]
pub struct Placed {
    pub order: u64,
}

#[command(name = "ship")]
pub struct Ship;

#[derive(Default, Serialize, Deserialize)]
pub struct Fulfilment;

#[saga(key = order, handles = Placed, starts = Placed)]
impl Fulfilment {
    fn placed(&mut self, _: &Placed, step: &mut Step<Self>) {}
}

fn main() {
    given_saga::<Fulfilment>((Placed { order: 1 }, Ship));
}
