use nether::prelude::*;

#[command]
pub struct Pay {
    pub amount:
}

fn main() {}
