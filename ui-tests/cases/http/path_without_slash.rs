use nether::prelude::*;

#[command(http = "POST orders")]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
