use nether::prelude::*;

#[event]
pub trait OrderPaid {
    fn amount(&self) -> u64;
}

fn main() {}
