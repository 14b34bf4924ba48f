#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(local, version = 2)]
pub struct Paid;

fn main() {}
