#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "test.opened")]
pub struct Opened;

#[derive(Default)]
pub struct Account<T>(T);

#[aggregate(handles = [], events = Opened)]
impl<T> Account<T> {
    fn opened(&mut self, _: &Opened) {}
}

fn main() {}
