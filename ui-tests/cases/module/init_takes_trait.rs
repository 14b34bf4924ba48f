#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

pub trait Provider: Send + Sync {}

pub struct Pool;

#[module(handles = [])]
impl Pool {
    #[init]
    fn new(provider: Resource<dyn Provider>) -> Self {
        Pool
    }
}

fn main() {}
