use nether::prelude::*;

#[event(http = "POST /orders/paid")]
pub struct Paid {
    pub order_id: u64,
}

fn main() {}
