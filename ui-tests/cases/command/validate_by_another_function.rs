#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(validate = Self::check)]
pub struct Pay {
    pub amount: u64,
}

impl Pay {
    fn check(&self) -> bool {
        self.amount > 0
    }
}

fn main() {}
