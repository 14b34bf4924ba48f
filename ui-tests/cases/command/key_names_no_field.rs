use nether::prelude::*;

#[command(key = order)]
pub struct Pay {
    pub order_id: u64,
    pub amount: u64,
}

fn main() {}
