#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

pub struct Pool;

#[module(handles = [])]
impl Pool {
    #[init]
    async fn new(ctx: &Context<Self>) -> Self {
        Pool
    }
}

fn main() {}
