use nether::prelude::*;

#[query(reply = u64, http = "GET /orders")]
pub struct OrdersPaid;

#[event(http = "SSE /orders")]
pub struct Paid {
    pub order_id: u64,
}

fn main() {}
