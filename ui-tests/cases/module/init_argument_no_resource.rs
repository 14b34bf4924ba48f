#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[init]
    fn new(retries: u32) -> Self {
        Orders
    }
}

fn main() {}
