use nether::prelude::*;

pub struct Page(String);

fn watch(ctx: &Context) {
    ctx.stream::<Page>().watch();
}

fn main() {}
