use nether::prelude::*;

pub struct Pay;

async fn pay(ctx: Context) -> nether::Result<()> {
    ctx.send(Pay).await?;
    Ok(())
}

fn main() {}
