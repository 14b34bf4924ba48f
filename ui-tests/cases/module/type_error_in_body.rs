use nether::prelude::*;

#[command(reply = u64)]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(handles = Pay)]
impl Orders {
    async fn pay(&mut self, _: Pay) -> u64 {
        "one"
    }
}

fn main() {}
