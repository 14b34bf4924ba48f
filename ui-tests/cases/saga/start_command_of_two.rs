#![allow(unused_imports, unused_variables, dead_code)]
use nether::eventstore::{Step, StepFailed};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[command(name = "test.enrol", key = id)]
pub struct Enrol {
    pub id: u64,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Enrolment;

#[saga(key = id, starts = Enrol)]
impl Enrolment {
    fn begin(&mut self, enrol: &Enrol, step: &mut Step<Self>) {}
}

pub struct Office;

#[module(handles = Enrol)]
impl Office {
    #[init]
    fn new() -> Self {
        Office
    }

    async fn enrol(&self, _: Enrol) {}
}

fn main() {}
