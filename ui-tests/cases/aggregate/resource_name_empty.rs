#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

pub struct Rates;

#[command(key = sum)]
pub struct Add {
    pub sum: u32,
}

#[event(name = "test.added")]
pub struct Added;

#[derive(Default)]
pub struct Sum;

#[aggregate(handles = Add, events = Added)]
impl Sum {
    fn add(&self, command: Add, #[resource("")] rates: Resource<Rates>) -> Added {
        Added
    }

    fn added(&mut self, event: &Added) {}
}

fn main() {}
