#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Billing;

#[module(handles = Pay, retry = 3)]
impl Billing {
    #[handler(retry = 0, backoff = "100ms..5s")]
    async fn pay(&mut self, _: Pay) {}
}

fn main() {}
