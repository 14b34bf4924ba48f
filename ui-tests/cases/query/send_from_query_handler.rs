use nether::prelude::*;

#[query(reply = u64)]
pub struct OrderCount;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(handles = OrderCount)]
impl Orders {
    async fn count(&self, _: OrderCount, ctx: &QueryContext<Self>) -> nether::Result<u64> {
        ctx.send(Pay).await?;
        Ok(0)
    }
}

fn main() {}
