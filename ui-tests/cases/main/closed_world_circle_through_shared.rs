#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct Ship;

#[command]
pub struct Bill;

#[derive(Default)]
pub struct Shipping;

#[module(handles = Ship, calls = Bill)]
impl Shipping {
    async fn ship(&mut self, _: Ship) {}
}

#[derive(Default)]
pub struct Billing;

#[module(handles = Bill, calls = Ship)]
impl Billing {
    async fn bill(&self, _: Bill) {}
}

#[nether::main(modules = [Shipping, Billing])]
async fn main(system: System) {}
