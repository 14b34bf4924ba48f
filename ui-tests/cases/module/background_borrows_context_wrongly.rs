#![allow(unused_variables)]
use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[background]
    async fn run(ctx: Context) {}
}

fn main() {}
