use nether::prelude::*;

#[command(reply = u64, reply = u32)]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
