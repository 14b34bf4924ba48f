#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event]
pub struct Placed {
    pub order: u64,
}

#[derive(Default)]
pub struct Orders;

#[projection(handles = Placed)]
impl Orders {
    fn placed(&mut self, _: &Placed) {}
}

fn main() {}
