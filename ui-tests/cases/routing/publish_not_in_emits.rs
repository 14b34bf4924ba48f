use nether::prelude::*;

#[event]
pub struct OrderPlaced;

#[event]
pub struct Other;

#[event]
pub struct Listed;

#[derive(Default)]
pub struct Billing;

#[module(handles = OrderPlaced, emits = [Listed])]
impl Billing {
    async fn bill(&self, _: &OrderPlaced, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.publish(Other).await?;
        Ok(())
    }
}

fn main() {}
