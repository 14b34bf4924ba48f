use nether::prelude::*;

#[command]
#[event]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
