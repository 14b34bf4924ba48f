use nether::prelude::*;

#[event]
pub struct OrderPaid;

pub struct Pay;

#[derive(Default)]
pub struct Billing;

#[module(handles = OrderPaid, calls = [Pay])]
impl Billing {
    async fn bill(&self, _: &OrderPaid) {}
}

fn main() {}
