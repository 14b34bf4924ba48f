#![allow(unused_imports, unused_variables, dead_code)]
use nether::eventstore::Step;
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[event(name = "order.placed")]
pub struct Placed {
    pub order: u32,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Order {}

#[saga(key = order, handles = [Placed], starts = [Placed], from = 0)]
impl Order {
    fn placed(&mut self, _: &Placed, step: &mut Step<Self>) {
        step.end();
    }
}

fn main() {}
