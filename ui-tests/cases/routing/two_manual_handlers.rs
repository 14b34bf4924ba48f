use nether::prelude::*;

#[command]
pub struct Pay;

pub struct Cards;

#[module(handles = Pay, manual)]
impl Cards {
    async fn pay(&mut self, _: Pay) {}
}

pub struct Cash;

#[module(handles = Pay, manual)]
impl Cash {
    async fn pay(&mut self, _: Pay) {}
}

async fn pay(ctx: Context) -> nether::Result<()> {
    ctx.send(Pay).await?;
    Ok(())
}

fn main() {}
