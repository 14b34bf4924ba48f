use nether::prelude::*;

#[command(reply = u32)]
pub struct Count;

#[derive(Default)]
pub struct Counter;

#[module(handles = Count)]
impl Counter {
    async fn count(&self, _: Count) -> u32 {
        3
    }
}

async fn run(ctx: &Context) -> nether::Result<()> {
    let (_count, _items): (u32, nether::JoinStream<u32>) = ctx.send_streaming(Count).await?;
    Ok(())
}

fn main() {}
