#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::routes;

#[routes]
async fn pages() -> System {
    todo!()
}

fn main() {}
