#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub fn pay(amount: u64) {}

fn main() {}
