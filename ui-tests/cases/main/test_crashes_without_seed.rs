#![allow(unused_imports, unused_variables, dead_code)]
use nether::{TestSystem, prelude::*};

#[nether::test(crashes = true)]
async fn a_test(system: TestSystem) {}

fn main() {}
