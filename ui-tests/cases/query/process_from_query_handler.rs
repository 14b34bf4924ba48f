use nether::prelude::*;

#[query(reply = u64)]
pub struct OrderCount;

#[event]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(handles = OrderCount)]
impl Orders {
    async fn count(&self, _: OrderCount, ctx: &QueryContext<Self>) -> nether::Result<u64> {
        ctx.process(Pay).await?;
        Ok(0)
    }
}

fn main() {}
