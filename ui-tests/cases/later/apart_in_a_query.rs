use nether::prelude::*;

#[query(reply = u64)]
pub struct Count;

#[event]
pub struct Counted;

#[derive(Default)]
pub struct Clock;

#[module(handles = Count)]
impl Clock {
    async fn count(&self, _: Count, ctx: &QueryContext<Self>) -> nether::Result<u64> {
        ctx.apart().publish(Counted).await?;
        Ok(1)
    }
}

fn main() {}
