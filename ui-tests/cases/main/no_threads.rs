#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[nether::main(worker_threads = 0)]
async fn main(system: System) {}
