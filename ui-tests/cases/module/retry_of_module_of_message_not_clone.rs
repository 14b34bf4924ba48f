#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

pub struct Card;

#[command(local)]
pub struct Pay(pub Card);

#[derive(Default)]
pub struct Billing;

#[module(handles = Pay, retry = 3)]
impl Billing {
    async fn pay(&self, _: Pay) {}
}

fn main() {}
