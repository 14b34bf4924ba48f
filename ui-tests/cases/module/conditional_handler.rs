use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(handles = Pay)]
impl Orders {
    #[cfg(test)]
    async fn pay(&mut self, _: Pay) {}
}

fn main() {}
