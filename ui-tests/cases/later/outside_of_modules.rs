use std::time::Duration;

use nether::prelude::*;

#[command]
pub struct Tick;

#[derive(Default)]
pub struct Clock;

#[module(handles = Tick)]
impl Clock {
    async fn tick(&mut self, _: Tick) {}
}

async fn begin(ctx: Context) {
    ctx.later(Duration::from_secs(1), Tick);
}

fn main() {}
