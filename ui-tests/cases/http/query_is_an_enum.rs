use nether::prelude::*;

#[query(reply = u64, http = "GET /orders")]
pub enum CountOrders {
    All,
    Of(String),
}

fn main() {}
