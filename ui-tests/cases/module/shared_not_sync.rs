use nether::prelude::*;
use std::cell::Cell;

#[event]
pub struct OrderPaid;

#[derive(Default)]
pub struct Orders {
    paid: Cell<u64>,
}

#[module(handles = OrderPaid)]
impl Orders {
    async fn count(&self, _: &OrderPaid) {
        self.paid.set(self.paid.get() + 1);
    }
}

fn main() {}
