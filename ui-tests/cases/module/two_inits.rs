use nether::prelude::*;

pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[init]
    fn new() -> Self {
        Orders
    }

    #[init]
    fn open() -> Self {
        Orders
    }
}

fn main() {}
