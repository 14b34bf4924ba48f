#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "counter.counted")]
pub struct Counted;

#[derive(Default)]
pub struct Counter {
    count: u32,
}

#[projection(handles = [Counted], from = "now")]
impl Counter {
    fn counted(&mut self, _: &Counted) {
        self.count += 1;
    }
}

fn main() {}
