#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[saga(key = order, handles = [], starts = [])]
pub struct Fulfilment;

fn main() {}
