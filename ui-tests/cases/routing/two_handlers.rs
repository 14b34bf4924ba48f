use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Cards;

#[module(handles = Pay)]
impl Cards {
    async fn pay(&mut self, _: Pay) {}
}

#[derive(Default)]
pub struct Cash;

#[module(handles = Pay)]
impl Cash {
    async fn pay(&mut self, _: Pay) {}
}

async fn pay(ctx: Context) -> nether::Result<()> {
    ctx.send(Pay).await?;
    Ok(())
}

fn main() {}
