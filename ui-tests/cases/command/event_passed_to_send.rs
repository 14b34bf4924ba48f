use nether::prelude::*;

#[event]
pub struct OrderPaid;

async fn pay(ctx: Context) -> nether::Result<()> {
    ctx.send(OrderPaid).await?;
    Ok(())
}

fn main() {}
