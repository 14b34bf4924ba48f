use nether::prelude::*;

pub struct OrderPaid;

async fn pay(ctx: Context) -> nether::Result<()> {
    ctx.publish(OrderPaid).await?;
    Ok(())
}

fn main() {}
