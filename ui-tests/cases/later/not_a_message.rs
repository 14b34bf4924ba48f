use std::time::Duration;

use nether::prelude::*;

pub struct Tock;

#[command]
pub struct Tick;

#[derive(Default)]
pub struct Clock;

#[module(handles = Tick)]
impl Clock {
    async fn tick(&mut self, _: Tick, ctx: &Context<Self>) {
        ctx.later(Duration::from_secs(1), Tock);
    }
}

fn main() {}
