use nether::prelude::*;

#[command(http = "post /orders")]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
