use nether::prelude::*;

#[query(reply = bool, http = "PUT /orders/{order_id}/paid")]
pub struct IsPaid {
    pub order_id: u64,
}

fn main() {}
