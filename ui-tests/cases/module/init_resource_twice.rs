#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

pub struct Pool;

pub struct Database;

#[module(handles = [])]
impl Database {
    #[init]
    fn new(#[resource("a")] #[resource("b")] pool: Resource<Pool>) -> Self {
        Database
    }
}

fn main() {}
