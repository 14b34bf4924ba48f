#![allow(unused_imports, unused_variables, dead_code)]
use nether::{TestSystem, prelude::*};

#[nether::test(seed = 1, seeds = 0..10)]
async fn a_test(system: TestSystem) {}

fn main() {}
