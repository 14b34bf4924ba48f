#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event]
pub struct Begun;

#[event(name = "old", becomes = begun)]
pub struct Opened;

fn begun(_: u32) -> Begun {
    Begun
}

fn main() {}
