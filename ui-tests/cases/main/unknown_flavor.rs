#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[nether::main(flavor = "current-thread")]
async fn main(system: System) {}
