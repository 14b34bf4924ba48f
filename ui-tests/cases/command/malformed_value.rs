use nether::prelude::*;

#[command(reply = "u64")]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
