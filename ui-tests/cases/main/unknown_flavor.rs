use nether::prelude::*;

#[nether::main(flavor = "current-thread")]
async fn main(system: System) {}
