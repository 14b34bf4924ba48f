use nether::prelude::*;

#[nether::main]
struct Main;

fn main() {}
