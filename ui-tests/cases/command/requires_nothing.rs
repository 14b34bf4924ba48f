use nether::prelude::*;

#[command(requires = [])]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
