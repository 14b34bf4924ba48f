use nether::prelude::*;

#[command]
pub struct Pay;

#[command]
pub struct Refund;

#[derive(Default)]
pub struct Orders;

#[module(handles = Pay, handles = Refund)]
impl Orders {
    async fn pay(&mut self, _: Pay) {}
}

fn main() {}
