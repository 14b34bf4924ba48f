use nether::prelude::*;

use std::pin::Pin;

#[event]
pub struct Counted;

#[derive(Default)]
pub struct Counter;

#[module(handles = Counted)]
impl Counter {
    fn counted(&mut self, _: &Counted) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async {})
    }
}

fn main() {}
