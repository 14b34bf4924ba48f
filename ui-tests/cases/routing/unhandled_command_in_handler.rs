use nether::prelude::*;

#[command]
pub struct Pay;

#[event]
pub struct OrderPlaced;

#[derive(Default)]
pub struct Billing;

#[module(handles = OrderPlaced)]
impl Billing {
    async fn bill(&self, _: &OrderPlaced, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.send(Pay).await?;
        Ok(())
    }
}

fn main() {}
