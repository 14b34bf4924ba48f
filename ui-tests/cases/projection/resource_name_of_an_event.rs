#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "test.noted")]
pub struct Noted;

#[derive(Default)]
pub struct Notes;

#[projection(handles = Noted)]
impl Notes {
    fn noted(&mut self, #[resource("replica")] _: &Noted) {}
}

fn main() {}
