use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module]
impl Orders {
    async fn pay(&mut self, _: Pay) {}
}

fn main() {}
