#![allow(unused_imports, unused_variables, dead_code)]
use nether::{TestSystem, prelude::*};

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Billing;

#[module(handles = Pay)]
impl Billing {
    async fn pay(&mut self, _: Pay) {}
}

#[nether::test(only = [Billing], modules = [Billing])]
async fn a_test(system: TestSystem) {}

fn main() {}
