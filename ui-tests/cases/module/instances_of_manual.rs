#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Billing;

#[module(handles = Pay, instances = 4, manual)]
impl Billing {
    async fn pay(&mut self, _: Pay) {}
}

fn main() {}
