#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::routes;

#[routes]
fn pages<T>() -> System {
    todo!()
}

fn main() {}
