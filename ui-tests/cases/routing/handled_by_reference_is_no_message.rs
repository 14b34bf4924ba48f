use nether::prelude::*;

pub struct OrderPaid;

#[derive(Default)]
pub struct Billing;

#[module(handles = OrderPaid)]
impl Billing {
    async fn bill(&self, _: &OrderPaid) {}
}

fn main() {}
