use std::time::Duration;

use nether::prelude::*;

#[query(reply = u64)]
pub struct Count;

#[command]
pub struct Look;

#[derive(Default)]
pub struct Counter;

#[module(handles = [Count, Look])]
impl Counter {
    async fn count(&self, _: Count) -> u64 {
        1
    }

    async fn look(&self, _: Look, ctx: &Context<Self>) {
        ctx.later(Duration::from_secs(1), Count);
    }
}

fn main() {}
