use nether::prelude::*;

#[command]
pub struct Pay<T> {
    pub amount: T,
}

fn main() {}
