use nether::prelude::*;

pub mod cards {
    #[nether::event]
    pub struct Paid;
}

#[event]
pub struct Paid;

#[derive(Default)]
pub struct Orders;

#[module(handles = cards::Paid)]
impl Orders {
    async fn paid(&mut self, _: &Paid) {}
}

fn main() {}
