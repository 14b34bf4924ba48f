#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[nether::main(worker_thread = 2)]
async fn main(system: System) {}
