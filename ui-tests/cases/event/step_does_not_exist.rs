#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(version = 2, upcast = from_v1)]
pub struct Paid;

fn main() {}
