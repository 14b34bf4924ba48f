#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Billing;

#[module(handles = Pay)]
impl Billing {
    async fn pay(&mut self, _: Pay) {}

    #[handler(timeout = "2s")]
    async fn charge(&self, amount: u64) {}
}

fn main() {}
