use nether::prelude::*;

pub mod cards {
    #[nether::command]
    pub struct Pay;
}

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(handles = cards::Pay)]
impl Orders {
    async fn by_card(&mut self, _: Pay) {}
}

fn main() {}
