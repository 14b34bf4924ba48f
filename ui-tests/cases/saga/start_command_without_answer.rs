#![allow(unused_imports, unused_variables, dead_code)]
use nether::eventstore::{Step, StepFailed};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[command(name = "test.enrol", key = id, error = Refused)]
pub struct Enrol {
    pub id: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

#[derive(Default, Serialize, Deserialize)]
pub struct Enrolment;

#[saga(key = id, starts = Enrol)]
impl Enrolment {
    fn begin(&mut self, enrol: &Enrol, step: &mut Step<Self>) {}
}

fn main() {}
