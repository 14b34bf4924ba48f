use nether::prelude::*;

#[event(reply = u64)]
pub struct OrderPaid {
    pub amount: u64,
}

fn main() {}
