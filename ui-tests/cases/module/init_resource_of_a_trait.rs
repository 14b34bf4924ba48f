#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

pub trait Pool {}

pub struct Database;

#[module(handles = [])]
impl Database {
    #[init]
    fn new(#[resource("replica")] pool: Resource<dyn Pool>) -> Self {
        Database
    }
}

fn main() {}
