use nether::prelude::*;

#[command(reply = u64)]
pub struct Count;

#[derive(Default)]
pub struct Counter;

#[module(handles = Count)]
impl Counter {
    fn count(&mut self, _: Count) -> impl Future<Output = u64> {
        async { 1 }
    }
}

fn main() {}
