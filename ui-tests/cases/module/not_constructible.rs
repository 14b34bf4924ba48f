use nether::prelude::*;

#[command]
pub struct Pay;

pub struct Orders {
    paid: u64,
}

#[module(handles = Pay)]
impl Orders {
    async fn pay(&mut self, _: Pay) {}
}

fn main() {}
