#![allow(unused_imports, unused_variables, dead_code)]
use nether::{TestSystem, prelude::*};

#[nether::test(flavor = "multi_thread", seeds = 0..10)]
async fn a_test(system: TestSystem) {}

fn main() {}
