use nether::prelude::*;

#[event]
pub struct OrderPaid;

async fn pay(ctx: Context) -> nether::Result<()> {
    ctx.ask(OrderPaid).await?;
    Ok(())
}

fn main() {}
