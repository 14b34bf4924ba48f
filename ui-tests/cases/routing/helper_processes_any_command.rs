#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Command, Processes};

async fn process_it<S, C, H>(ctx: &Context<S>, command: C) -> nether::Result<()>
where
    S: Processes<C, H>,
    C: Command,
{
    ctx.process(command).await?;
    Ok(())
}

fn main() {}
