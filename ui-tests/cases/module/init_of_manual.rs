use nether::prelude::*;

pub struct Orders;

#[module(handles = [], manual)]
impl Orders {
    #[init]
    fn new() -> Self {
        Orders
    }
}

fn main() {}
