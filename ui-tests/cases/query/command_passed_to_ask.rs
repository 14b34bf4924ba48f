use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(handles = Pay)]
impl Orders {
    async fn pay(&mut self, _: Pay) {}
}

async fn pay(ctx: Context) -> nether::Result<()> {
    ctx.ask(Pay).await?;
    Ok(())
}

fn main() {}
