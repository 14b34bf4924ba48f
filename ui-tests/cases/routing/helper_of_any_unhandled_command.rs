#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Command, Sends};

#[command]
pub struct Log;

fn later<S, C, H>(ctx: &Context<S>, command: C) -> nether::Result<()>
where
    S: Sends<C, H>,
    C: Command,
{
    Ok(())
}

fn outside(ctx: &Context) -> nether::Result<()> {
    later(ctx, Log)
}

fn main() {}
