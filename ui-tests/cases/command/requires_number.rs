use nether::prelude::*;

#[command(requires = 7)]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
