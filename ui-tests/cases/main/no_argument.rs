use nether::prelude::*;

#[nether::main]
async fn main() {}
