use nether::prelude::*;

pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[init]
    fn new() -> Option<Self> {
        Some(Orders)
    }
}

fn main() {}
