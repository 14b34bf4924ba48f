use nether::prelude::*;

#[event]
pub struct OrderPaid;

#[derive(Default)]
pub struct Orders;

#[module(handles = OrderPaid)]
impl Orders {
    async fn confirm(&self, _: OrderPaid) {}
}

fn main() {}
