use nether::prelude::*;

#[command(reply)]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
