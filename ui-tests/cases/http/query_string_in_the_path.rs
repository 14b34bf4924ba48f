use nether::prelude::*;

#[query(reply = u64, http = "GET /orders?order_id={order_id}")]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
