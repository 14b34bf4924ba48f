use nether::prelude::*;

pub mod cards {
    #[nether::command]
    pub struct Pay;
}

pub mod cash {
    #[nether::command]
    pub struct Pay;
}

#[derive(Default)]
pub struct Orders;

#[module(handles = [cards::Pay, cash::Pay])]
impl Orders {
    async fn by_card(&mut self, _: cards::Pay) {}

    async fn in_cash(&mut self, _: Pay) {}
}

fn main() {}
