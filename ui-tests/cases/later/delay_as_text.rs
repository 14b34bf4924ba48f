use nether::prelude::*;

#[command]
pub struct Tick;

#[derive(Default)]
pub struct Clock;

#[module(handles = Tick)]
impl Clock {
    async fn tick(&mut self, _: Tick, ctx: &Context<Self>) {
        ctx.later("1s", Tick);
    }
}

fn main() {}
