use nether::prelude::*;

#[command(requires = ["orders.write", "orders.write"])]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
