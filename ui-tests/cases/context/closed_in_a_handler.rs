use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Till;

#[module(handles = Pay)]
impl Till {
    async fn pay(&mut self, _: Pay, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.close().await?;
        Ok(())
    }
}

fn main() {}
