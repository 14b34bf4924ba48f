use nether::prelude::*;

#[query(reply = u64)]
pub struct OrderCount;

async fn count(ctx: Context) -> nether::Result<()> {
    ctx.ask(OrderCount).await?;
    Ok(())
}

fn main() {}
