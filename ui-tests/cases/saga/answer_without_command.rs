#![allow(unused_imports, unused_variables, dead_code)]
use nether::eventstore::{Step, StepFailed};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[event(name = "test.added")]
pub struct Added {
    pub id: u64,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Enrolment;

#[saga(key = id, starts = Added, handles = Added)]
impl Enrolment {
    fn added(&mut self, _: &Added) {}
    fn answer(&self, failed: &StepFailed) -> nether::Error {
        nether::Error::msg(failed)
    }
}

fn main() {}
