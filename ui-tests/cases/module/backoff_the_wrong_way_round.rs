#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Billing;

#[module(handles = Pay)]
impl Billing {
    #[handler(retry = 3, backoff = "5s..100ms")]
    async fn pay(&mut self, _: Pay) {}
}

fn main() {}
