#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Query, Unlisted};

async fn ask_it(ctx: &Context<impl Unlisted>, query: impl Query<Reply = u64>) -> u64 {
    ctx.ask(query).await.unwrap_or_default()
}

fn main() {}
