#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[on_start]
    async fn open(&mut self, ctx: &Context<Self>, retries: u32) {}
}

fn main() {}
