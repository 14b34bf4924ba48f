#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(name = "test.said")]
pub struct Said;

#[query(reply = u64)]
pub struct Count;

#[derive(Default)]
pub struct List;

#[projection(handles = [Said, Count])]
impl List {
    async fn said(&mut self, _: &Said) {}
}

async fn count(ctx: Context) -> nether::Result<u64> {
    ctx.publish(Said).await?;
    Ok(ctx.ask(Count).await?)
}

fn main() {}
