use nether::prelude::*;

#[command]
pub struct Pay;

async fn watch(ctx: Context) {
    ctx.subscribe::<Pay>();
}

fn main() {}
