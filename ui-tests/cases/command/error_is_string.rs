use nether::prelude::*;

#[command(error = String)]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
