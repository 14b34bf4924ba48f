use nether::prelude::*;

#[command(requires = "orders.read orders.write")]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
