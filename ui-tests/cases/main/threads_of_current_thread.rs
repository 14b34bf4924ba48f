use nether::prelude::*;

#[nether::main(flavor = "current_thread", worker_threads = 2)]
async fn main(system: System) {}
