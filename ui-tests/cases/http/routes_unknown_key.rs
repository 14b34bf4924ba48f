#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::routes;

#[routes(path = "/pages")]
fn pages() -> System {
    todo!()
}

fn main() {}
