#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[projection(handles = [])]
pub struct Notes;

fn main() {}
