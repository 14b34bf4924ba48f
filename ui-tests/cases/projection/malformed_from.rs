#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "counter.counted")]
pub struct Counted;

#[derive(Default)]
pub struct Counter;

#[projection(handles = [Counted], durable, from = "today")]
impl Counter {
    fn counted(&mut self, _: &Counted) {}
}

fn main() {}
