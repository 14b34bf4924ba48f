use nether::prelude::*;

#[derive(Debug, Clone)]
pub struct Address;

#[command(http = "POST /orders")]
pub struct PlaceOrder {
    pub article: String,
    pub to: Address,
}

#[derive(Default)]
pub struct Orders;

#[module(handles = PlaceOrder)]
impl Orders {
    async fn place(&mut self, _: PlaceOrder) {}
}

fn main() {}
