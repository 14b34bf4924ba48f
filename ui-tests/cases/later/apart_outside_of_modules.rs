use nether::prelude::*;

#[event]
pub struct Ticked;

async fn begin(ctx: Context) -> nether::Result<()> {
    ctx.apart().publish(Ticked).await?;
    Ok(())
}

fn main() {}
