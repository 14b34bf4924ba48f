use nether::prelude::*;

#[command(name = "")]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
