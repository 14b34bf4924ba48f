use nether::prelude::*;

#[command]
pub struct Pay;

#[query(reply = u64)]
pub struct Paid;

#[event]
pub struct OrderPlaced;

#[derive(Default)]
pub struct Orders;

#[module(handles = [Pay, Paid, OrderPlaced])]
impl Orders {
    async fn pay(&mut self, _: Pay) -> u64 {
        0
    }

    async fn paid(&mut self, _: Paid) -> u64 {
        0
    }

    async fn placed(&self, _: OrderPlaced) {}
}

fn main() {}
