#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(validate = Self::check)]
pub struct Paid {
    pub amount: u64,
}

impl Paid {
    fn check(&self) -> Result<(), nether::Violations> {
        Ok(())
    }
}

fn main() {}
