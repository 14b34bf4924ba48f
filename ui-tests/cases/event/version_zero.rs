#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(version = 0)]
pub struct Paid;

fn main() {}
