use nether::prelude::*;

#[event]
pub struct OrderPlaced;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Billing;

#[module(handles = OrderPlaced, calls = [Pay])]
impl Billing {
    async fn bill(&self, _: &OrderPlaced, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.send(OrderPlaced).await?;
        Ok(())
    }
}

fn main() {}
