use nether::prelude::*;

#[command(http = "PUT /orders/{order_id}/{order_id}")]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
