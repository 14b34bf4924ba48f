#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(becomes = nothing)]
pub struct Opened;

fn nothing(_: Opened) {}

fn main() {}
