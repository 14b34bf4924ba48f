#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "test.opened")]
pub struct Opened;

#[derive(Default)]
pub struct Account;

#[aggregate(handles = [], events = Opened)]
impl Clone for Account {
    fn clone(&self) -> Self {
        Account
    }
}

fn main() {}
