use nether::prelude::*;

#[command(replay = u64)]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
