use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[background]
    async fn run() -> u64 {
        0
    }
}

fn main() {}
