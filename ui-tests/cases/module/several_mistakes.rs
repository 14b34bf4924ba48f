#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct Pay;

#[query(reply = u64)]
pub struct Paid;

#[event]
pub struct OrderPlaced;

#[derive(Default)]
pub struct Orders;

#[module(handles = [Pay, Paid, OrderPlaced], mailboxes = 8)]
impl Orders {
    async fn pay(self, _: Pay) {}

    async fn paid(&self, _: Paid, twice: bool) -> u64 {
        0
    }

    #[on_start]
    async fn open() {}
}

fn main() {}
