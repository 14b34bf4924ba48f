#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "old", becomes = nothing)]
pub struct Opened;

fn nothing(_: Opened) {}

#[derive(Default)]
pub struct Openings(u32);

#[projection(handles = Opened)]
impl Openings {
    fn opened(&mut self, _: &Opened) {
        self.0 += 1;
    }
}

fn main() {}
