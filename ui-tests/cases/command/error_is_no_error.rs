use nether::prelude::*;

pub struct NotPaid;

#[command(error = NotPaid)]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
