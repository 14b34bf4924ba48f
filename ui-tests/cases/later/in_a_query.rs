use std::time::Duration;

use nether::prelude::*;

#[query(reply = u64)]
pub struct Count;

#[command]
pub struct Tick;

#[derive(Default)]
pub struct Clock;

#[module(handles = [Count, Tick])]
impl Clock {
    async fn count(&self, _: Count, ctx: &QueryContext<Self>) -> u64 {
        ctx.later(Duration::from_secs(1), Tick);
        1
    }

    async fn tick(&self, _: Tick) {}
}

fn main() {}
