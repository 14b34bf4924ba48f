#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[background]
    async fn run(&mut self, ctx: Context<Self>) {}
}

fn main() {}
