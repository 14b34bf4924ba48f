use nether::prelude::*;

#[command]
pub struct Pay;

#[command]
pub struct Refund;

#[derive(Default)]
pub struct Shop;

#[module(Pay, Refund)]
impl Shop {
    async fn pay(&mut self, _: Pay, ctx: &Context<Self>) {
        let _ = ctx.send(Refund).await;
    }

    async fn refund(&mut self, _: Refund) {}
}

fn main() {}
