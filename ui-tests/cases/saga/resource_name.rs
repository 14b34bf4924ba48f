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

#[derive(Default)]
pub struct Shipping;

#[module(handles = Ship)]
impl Shipping {
    async fn ship(&mut self, _: Ship) {}
}

#[derive(Default, Serialize, Deserialize)]
pub struct Fulfilment;

#[saga(key = order, handles = Placed, starts = Placed, sends = Ship)]
impl Fulfilment {
    fn placed(&mut self, #[resource("replica")] _: &Placed, step: &mut Step<Self>) {
        step.send(Ship);
    }
}

fn main() {}
