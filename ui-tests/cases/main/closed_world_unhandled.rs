#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct Pay;

#[event]
pub struct OrderPaid;

#[derive(Default)]
pub struct Billing;

#[module(handles = OrderPaid, calls = [Pay])]
impl Billing {
    async fn bill(&self, _: &OrderPaid) {}
}

#[nether::main(modules = [Billing])]
async fn main(system: System) {}
