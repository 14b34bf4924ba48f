use nether::prelude::*;

#[command]
pub struct Pay;

#[command]
pub struct Refund;

#[derive(Default)]
pub struct Orders {
    paid: u64,
}

#[module(handles = [Pay, Refund])]
impl Orders {
    async fn pay(&mut self, _: Pay) {
        self.
    }

    async fn refund(&mut self, _: Refund) {
        self.paid -= 1;
    }
}

fn main() {}
