use nether::prelude::*;

#[query(result = u64)]
pub struct OrderCount;

fn main() {}
