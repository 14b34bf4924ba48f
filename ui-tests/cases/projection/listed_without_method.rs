#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "test.noted")]
pub struct Noted;

#[query(reply = u64)]
pub struct Count;

#[derive(Default)]
pub struct Notes;

#[projection(handles = [Noted, Count])]
impl Notes {
    fn noted(&mut self, _: &Noted) {}
}

fn main() {}
