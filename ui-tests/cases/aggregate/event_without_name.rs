#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(key = order)]
pub struct Place {
    pub order: u64,
}

#[event]
pub struct Placed;

#[derive(Default)]
pub struct Order;

#[aggregate(handles = Place, events = Placed)]
impl Order {
    fn place(&self, _: Place) -> Placed {
        Placed
    }

    fn placed(&mut self, _: &Placed) {}
}

fn main() {}
