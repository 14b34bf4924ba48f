use nether::prelude::*;

#[query(reply = u64, http = "GET /orders/{order_id}")]
pub struct FindOrder {
    #[cfg_attr(all(), serde(rename = "orderId"))]
    pub order_id: u64,
}

fn main() {}
