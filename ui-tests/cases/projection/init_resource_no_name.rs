#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

pub struct Pool;

pub struct Database;

#[event(name = "met")]
pub struct Met;

#[projection(handles = [Met])]
impl Database {
    #[init]
    fn new(#[resource] pool: Resource<Pool>) -> Self {
        Database
    }

    fn met(&mut self, _: &Met) {}
}

fn main() {}
