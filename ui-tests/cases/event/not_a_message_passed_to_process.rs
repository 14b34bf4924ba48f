use nether::prelude::*;

pub struct OrderPaid;

async fn pay(ctx: Context) -> nether::Result<()> {
    ctx.process(OrderPaid).await?;
    Ok(())
}

fn main() {}
