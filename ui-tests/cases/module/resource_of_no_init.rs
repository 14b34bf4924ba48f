#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

pub struct Pool;

pub struct Database;

#[module(handles = [], manual)]
impl Database {
    fn new(#[resource("replica")] pool: Resource<Pool>) -> Self {
        Database
    }
}

fn main() {}
