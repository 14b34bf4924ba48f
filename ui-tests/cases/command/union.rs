use nether::prelude::*;

#[command]
pub union Amount {
    pub cents: u64,
    pub euros: f64,
}

fn main() {}
