#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Caller, Command};

async fn send_it<S: Caller, C: Command>(ctx: &Context<S>, command: C) -> nether::Result<()> {
    ctx.send(command).await?;
    Ok(())
}

fn main() {}
