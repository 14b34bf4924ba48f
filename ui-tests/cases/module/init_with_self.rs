use nether::prelude::*;

pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[init]
    fn new(&mut self) -> Self {
        Orders
    }
}

fn main() {}
