#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[nether::main]
async fn main(system: &System) {}
