use nether::prelude::*;

pub struct Draft;

fn write(ctx: &Context) {
    let _ = ctx.enlist(Draft);
}

fn main() {}
