#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

pub struct Card;

#[command(local)]
pub struct Pay(pub Card);

#[derive(Default)]
pub struct Billing;

#[module(handles = Pay)]
impl Billing {
    #[handler(retry = 3)]
    async fn pay(&mut self, _: Pay) {}
}

fn main() {}
