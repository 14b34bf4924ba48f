use nether::prelude::*;

#[command]
pub struct Pay;

#[command]
pub struct Refund;

#[derive(Default)]
pub struct Orders;

#[module(handles = [Pay, Refund])]
impl Orders {
    async fn pay(&mut self, pay: ) {}

    async fn refund(&mut self, _: Refund) {}
}

fn main() {}
