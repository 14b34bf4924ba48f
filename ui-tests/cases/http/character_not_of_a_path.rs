use nether::prelude::*;

#[command(http = "POST /straße")]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
