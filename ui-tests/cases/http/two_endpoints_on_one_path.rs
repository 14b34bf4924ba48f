use nether::prelude::*;

#[query(reply = bool, http = "GET /orders/{order_id}")]
pub struct IsPaid {
    pub order_id: u64,
}

#[query(reply = u64, http = "GET /orders/{number}")]
pub struct OrderAt {
    pub number: u64,
}

fn main() {}
