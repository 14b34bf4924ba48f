#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[aggregate(handles = [], events = [])]
#[derive(Default)]
pub struct Account;

fn main() {}
