use nether::prelude::*;

pub struct Orders;

async fn pay(ctx: &Context<Orders>) {
    ctx.cancel();
}

fn main() {}
