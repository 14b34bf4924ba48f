#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[query(reply = u64)]
pub struct Count;

#[derive(Default)]
pub struct Notes;

#[projection(handles = Count)]
impl Notes {
    fn count(&self, _: Count, ctx: &QueryContext<Self>) -> u64 {
        0
    }
}

fn main() {}
