#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

use nether::eventstore::Step;

#[event(name = "opened")]
pub struct Opened {
    pub account: u32,
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Welcome;

#[saga(key = account, handles = [Opened], starts = [Opened], retries = 3)]
impl Welcome {
    fn opened(&mut self, _: &Opened, step: &mut Step<Self>) {
        step.end();
    }
}

fn main() {}
