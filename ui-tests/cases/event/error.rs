use nether::prelude::*;

#[event(error = std::io::Error)]
pub struct OrderPaid {
    pub amount: u64,
}

fn main() {}
