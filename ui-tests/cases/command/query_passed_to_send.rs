use nether::prelude::*;

#[query(reply = u64)]
pub struct OrderCount;

#[derive(Default)]
pub struct Orders;

#[module(handles = OrderCount)]
impl Orders {
    async fn count(&self, _: OrderCount) -> u64 {
        0
    }
}

async fn count(ctx: Context) -> nether::Result<()> {
    ctx.send(OrderCount).await?;
    Ok(())
}

fn main() {}
