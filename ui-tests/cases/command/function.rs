use nether::prelude::*;

#[command]
pub fn pay(amount: u64) {}

fn main() {}
