use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[on_exit]
    async fn open(&mut self) {}
}

fn main() {}
