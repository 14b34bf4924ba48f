#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Caller, Event};

async fn publish_it<S: Caller, E: Event>(ctx: &Context<S>, event: E) -> nether::Result<()> {
    ctx.publish(event).await?;
    Ok(())
}

fn main() {}
