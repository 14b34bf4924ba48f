use nether::prelude::*;

#[command]
pub struct Pay;

async fn pay(ctx: Context) -> nether::Result<()> {
    ctx.try_send(Pay)?.await?;
    Ok(())
}

fn main() {}
