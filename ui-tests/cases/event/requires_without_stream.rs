use nether::prelude::*;

#[event(requires = "orders.read")]
pub struct Paid {
    pub amount: u64,
}

fn main() {}
