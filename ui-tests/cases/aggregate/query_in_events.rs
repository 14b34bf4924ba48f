#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[query(key = account)]
pub struct Balance {
    pub account: u64,
}

#[derive(Default)]
pub struct Account;

#[aggregate(handles = [], events = Balance)]
impl Account {
    fn balance(&mut self, _: &Balance) {}
}

fn main() {}
