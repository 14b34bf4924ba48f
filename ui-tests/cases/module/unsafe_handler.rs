use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(handles = Pay)]
impl Orders {
    async unsafe fn pay(&mut self, _: Pay) {}
}

fn main() {}
