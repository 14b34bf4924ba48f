use nether::prelude::*;

#[command(http = "POST /orders", status = 404)]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
