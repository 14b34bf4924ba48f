use nether::prelude::*;

#[event(names = "orders.paid")]
pub struct OrderPaid {
    pub amount: u64,
}

fn main() {}
