use nether::prelude::*;

#[event(http = "SSE /orders/paid", status = 202)]
pub struct Paid {
    pub order_id: u64,
}

fn main() {}
