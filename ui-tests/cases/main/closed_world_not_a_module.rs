#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

pub struct Billing;

#[nether::main(modules = [Billing])]
async fn main(system: System) {}
