#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[query(reply = u64)]
pub struct OrderCount;

#[derive(Default)]
pub struct Orders;

#[module(handles = OrderCount)]
impl Orders {
    async fn count(&self, _: OrderCount, ctx: &Context<Self>) -> u64 {
        0
    }
}

fn main() {}
