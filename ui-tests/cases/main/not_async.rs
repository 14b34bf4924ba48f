use nether::prelude::*;

#[nether::main]
fn main(system: System) {}
