#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(version = 2)]
pub struct Pay;

fn main() {}
