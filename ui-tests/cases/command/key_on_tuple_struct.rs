use nether::prelude::*;

#[command(key = order_id)]
pub struct Pay(pub u64);

fn main() {}
