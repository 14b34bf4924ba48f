#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(key = account)]
pub struct Open {
    pub account: u64,
}

#[derive(Default)]
pub struct Account;

#[aggregate(handles = Open)]
impl Account {
    fn open(&self, _: Open) {}
}

fn main() {}
