use nether::prelude::*;

#[command(http = "PATH /orders")]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
