#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event]
pub struct Begun;

#[event(name = "old", becomes = [Begun])]
pub struct Opened;

fn main() {}
