use std::time::Duration;

use nether::prelude::*;

#[command]
pub struct Tick;

#[command]
pub struct Other;

#[derive(Default)]
pub struct Clock;

#[module(handles = [Tick, Other], emits = Other)]
impl Clock {
    async fn tick(&mut self, _: Tick, ctx: &Context<Self>) {
        ctx.later(Duration::from_secs(1), Tick);
    }

    async fn other(&mut self, _: Other) {}
}

fn main() {}
