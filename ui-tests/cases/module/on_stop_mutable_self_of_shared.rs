use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[on_stop]
    async fn close(&mut self) {}
}

fn main() {}
