#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "test.said")]
pub struct Said;

pub struct List;

#[projection(handles = Said)]
impl List {
    #[init]
    fn new(ctx: &Context<Self>) -> Self {
        List
    }

    async fn said(&mut self, _: &Said) {}
}

fn main() {}
