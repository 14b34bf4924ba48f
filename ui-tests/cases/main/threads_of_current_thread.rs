#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[nether::main(flavor = "current_thread", worker_threads = 2)]
async fn main(system: System) {}
