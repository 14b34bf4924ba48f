use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(handles = Pay)]
impl Orders {
    async fn pay<T>(&mut self, _: Pay) {}
}

fn main() {}
