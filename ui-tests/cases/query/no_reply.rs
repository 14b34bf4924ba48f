use nether::prelude::*;

#[query(reply = u64)]
pub struct OrderCount;

#[derive(Default)]
pub struct Orders;

#[module(handles = OrderCount)]
impl Orders {
    async fn count(&self, _: OrderCount) {}
}

fn main() {}
