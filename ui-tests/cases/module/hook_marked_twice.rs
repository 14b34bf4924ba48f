use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[on_start]
    #[on_stop]
    async fn open(&mut self) {}
}

fn main() {}
