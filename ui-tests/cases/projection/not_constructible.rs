#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "test.noted")]
pub struct Noted;

pub struct Notes {
    count: u64,
}

#[projection(handles = Noted)]
impl Notes {
    fn noted(&mut self, _: &Noted) {}
}

fn main() {}
