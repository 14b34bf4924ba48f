use nether::prelude::*;

#[event]
pub struct OrderPlaced;

#[command]
pub struct Other;

#[command]
pub struct Listed;

#[derive(Default)]
pub struct Billing;

#[module(handles = OrderPlaced, calls = [Listed])]
impl Billing {
    async fn bill(&self, _: &OrderPlaced, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.send(Other).await?;
        Ok(())
    }
}

fn main() {}
