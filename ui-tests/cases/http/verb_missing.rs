use nether::prelude::*;

#[command(http = "/orders")]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
