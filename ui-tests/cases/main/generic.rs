use nether::prelude::*;

#[nether::main]
async fn main<T>(system: System) {}
