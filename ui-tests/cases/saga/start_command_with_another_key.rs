#![allow(unused_imports, unused_variables, dead_code)]
use nether::eventstore::{Step, StepFailed};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[command(name = "test.enrol", key = id)]
pub struct Enrol {
    pub id: u64,
}

#[event(name = "test.added")]
pub struct Added {
    pub id: String,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Enrolment;

#[saga(key = id, starts = Enrol, handles = Added)]
impl Enrolment {
    fn begin(&mut self, enrol: &Enrol, step: &mut Step<Self>) {}
    fn added(&mut self, _: &Added) {}
}

fn main() {}
