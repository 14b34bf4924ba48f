use nether::prelude::*;

#[command(http = "SSE /orders/pay")]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
