use nether::prelude::*;

#[command]
pub struct Pay;

#[event]
pub struct OrderPaid;

#[derive(Default)]
pub struct Billing;

#[module(handles = OrderPaid, emits = [Pay])]
impl Billing {
    async fn bill(&self, _: &OrderPaid, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.send(Pay).await?;
        Ok(())
    }
}

fn main() {}
