#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct RemoveBook;

#[derive(Default)]
pub struct Library;

#[module(handles = RemoveBook)]
impl Library {
    async fn remove(&mut self, ctx: &Context<Self>, _: RemoveBook) {}
}

async fn remove(ctx: Context) -> nether::Result<()> {
    ctx.send(RemoveBook).await?;
    Ok(())
}

fn main() {}
