use nether::prelude::*;

#[command(status = 202)]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
