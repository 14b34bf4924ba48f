use nether::prelude::*;

#[command("orders.pay")]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
