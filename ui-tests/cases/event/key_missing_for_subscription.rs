#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event]
pub struct Said {
    pub room: String,
}

async fn listen(system: System) {
    let mut kitchen = system.subscribe::<Said>().of("kitchen".to_owned());
}

fn main() {}
