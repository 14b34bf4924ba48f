#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct ProcessOrder;

#[command]
pub struct ProcessOrders;

#[derive(Default)]
pub struct Orders;

#[module(handles = ProcessOrder)]
impl Orders {
    async fn process(&mut self, _: ProcessOrders, ctx: &Context<Self>) {}
}

fn main() {}
