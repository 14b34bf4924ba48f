use nether::prelude::*;
use std::cell::Cell;

#[event(local)]
pub struct OrderPaid {
    pub amount: Cell<u64>,
}

fn main() {}
