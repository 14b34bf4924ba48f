#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(validate = true)]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
