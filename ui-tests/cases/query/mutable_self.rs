use nether::prelude::*;

#[query(reply = u64)]
pub struct OrderCount;

#[derive(Default)]
pub struct Orders {
    asked: u64,
}

#[module(handles = OrderCount)]
impl Orders {
    async fn count(&mut self, _: OrderCount) -> u64 {
        self.asked += 1;
        self.asked
    }
}

fn main() {}
