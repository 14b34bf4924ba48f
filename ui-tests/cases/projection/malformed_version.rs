#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "counter.counted")]
pub struct Counted;

#[derive(Default)]
pub struct Counter;

#[projection(handles = [Counted], durable, version = 0)]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

fn main() {}
