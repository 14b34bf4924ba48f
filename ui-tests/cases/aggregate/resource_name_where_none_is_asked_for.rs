#![allow(unused_imports, unused_variables, dead_code)]
use nether::eventstore::Facts;
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
    fn add(
        &self,
        #[resource("replica")] command: Add,
        #[resource("replica")] facts: &Facts,
        #[resource("replica")] rates: Resource<Rates>,
    ) -> Added {
        Added
    }

    fn added(&mut self, #[resource("replica")] event: &Added) {}

    fn helper(#[resource("replica")] rates: Resource<Rates>) {}
}

fn main() {}
