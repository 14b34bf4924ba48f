use nether::prelude::*;

#[command(http = "PUT /orders/{order_id}")]
#[serde(rename_all = "camelCase")]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
