#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "old", becomes = count)]
pub struct Opened;

fn count(_: Opened) -> u32 {
    1
}

fn main() {}
