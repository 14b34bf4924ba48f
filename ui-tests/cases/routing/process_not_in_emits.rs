use nether::prelude::*;

#[event]
pub struct OrderPlaced;

#[command]
pub struct Other;

#[command]
pub struct Listed;

#[derive(Default)]
pub struct Billing;

#[module(handles = OrderPlaced, emits = [Listed])]
impl Billing {
    async fn bill(&self, _: &OrderPlaced, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.process(Other).await?;
        Ok(())
    }
}

fn main() {}
