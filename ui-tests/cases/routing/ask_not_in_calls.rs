use nether::prelude::*;

#[event]
pub struct OrderPlaced;

#[query]
pub struct Other;

#[query]
pub struct Listed;

#[derive(Default)]
pub struct Billing;

#[module(handles = OrderPlaced, calls = [Listed])]
impl Billing {
    async fn bill(&self, _: &OrderPlaced, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.ask(Other).await?;
        Ok(())
    }
}

fn main() {}
