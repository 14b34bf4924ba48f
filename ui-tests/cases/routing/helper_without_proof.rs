use nether::Caller;
use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(handles = Pay)]
impl Orders {
    async fn pay(&mut self, _: Pay) {}
}

async fn pay<S: Caller>(ctx: &Context<S>) -> nether::Result<()> {
    ctx.send(Pay).await?;
    Ok(())
}

fn main() {}
