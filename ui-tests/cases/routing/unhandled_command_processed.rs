use nether::prelude::*;

#[command]
pub struct Pay;

async fn pay(ctx: Context) -> nether::Result<()> {
    ctx.process(Pay).await?;
    Ok(())
}

fn main() {}
