#![allow(unused_imports, unused_variables, dead_code)]
use nether::{TestSystem, prelude::*};

#[nether::test(seed = 99999999999999999999)]
async fn a_test(system: TestSystem) {}

fn main() {}
