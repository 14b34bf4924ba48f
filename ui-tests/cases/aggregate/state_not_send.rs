#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "test.opened")]
pub struct Opened;

#[derive(Default)]
pub struct Account {
    cents: std::rc::Rc<u64>,
}

#[aggregate(handles = [], events = Opened)]
impl Account {
    fn opened(&mut self, _: &Opened) {}
}

fn main() {}
