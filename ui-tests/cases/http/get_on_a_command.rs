use nether::prelude::*;

#[command(http = "GET /orders/{order_id}/pay")]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
