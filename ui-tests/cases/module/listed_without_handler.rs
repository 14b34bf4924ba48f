use nether::prelude::*;

#[command]
pub struct Pay;

#[event]
pub struct OrderPaid;

#[derive(Default)]
pub struct Orders;

#[module(handles = [Pay, OrderPaid])]
impl Orders {
    async fn confirm(&self, _: &OrderPaid) {}
}

fn main() {}
