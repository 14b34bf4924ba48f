#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "old", becomes = nothing)]
pub struct Opened;

fn nothing(_: Opened) {}

#[derive(Default)]
pub struct Account;

#[aggregate(handles = [], events = Opened)]
impl Account {
    fn opened(&mut self, _: &Opened) {}
}

fn main() {}
