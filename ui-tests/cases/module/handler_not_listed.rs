#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct Pay;

#[command]
pub struct Refund;

#[derive(Default)]
pub struct Orders;

#[module(handles = Pay)]
impl Orders {
    async fn pay(&mut self, _: Pay) {}

    async fn refund(&mut self, _: Refund, ctx: &Context<Self>) {}
}

fn main() {}
