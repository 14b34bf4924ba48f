use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[on_start]
    async fn open(&mut self) -> u64 {
        0
    }
}

fn main() {}
