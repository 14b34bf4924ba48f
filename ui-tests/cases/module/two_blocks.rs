use nether::prelude::*;

#[command]
pub struct Add;

#[command]
pub struct Remove;

#[derive(Default)]
pub struct Stock;

#[module(handles = Add)]
impl Stock {
    async fn add(&mut self, _: Add) {}
}

#[module(handles = Remove)]
impl Stock {
    async fn remove(&mut self, _: Remove) {}
}

async fn change(ctx: Context) -> nether::Result<()> {
    ctx.send(Add).await?;
    ctx.send(Remove).await?;
    Ok(())
}

fn main() {}
