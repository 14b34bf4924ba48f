#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::Command;

async fn send_it<C: Command>(ctx: &Context, command: C) -> nether::Result<()> {
    ctx.send(command).await?;
    Ok(())
}

fn main() {}
