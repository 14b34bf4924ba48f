use nether::prelude::*;

#[command(http = "PUT /orders/{oder_id}")]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
