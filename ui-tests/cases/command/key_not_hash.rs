use nether::prelude::*;

#[command(key = amount)]
pub struct Pay {
    pub amount: f64,
}

fn main() {}
