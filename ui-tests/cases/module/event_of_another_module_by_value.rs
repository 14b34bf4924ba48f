use nether::prelude::*;

pub mod contracts {
    #[nether::event]
    pub struct OrderPaid;
}

#[derive(Default)]
pub struct Orders;

#[module(handles = contracts::OrderPaid)]
impl Orders {
    async fn confirm(&mut self, _: contracts::OrderPaid, ctx: &Context<Self>) {
        ctx.cancel();
    }
}

fn main() {}
