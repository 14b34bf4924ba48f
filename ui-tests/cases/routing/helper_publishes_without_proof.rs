#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event]
pub struct Noted;

async fn note<S: nether::Caller>(ctx: &Context<S>) -> nether::Result<()> {
    ctx.publish(Noted).await?;
    Ok(())
}

fn main() {}
