use nether::prelude::*;

#[event]
pub struct Paid;

#[derive(Default)]
pub struct Billing;

#[module(handles = Paid)]
impl Billing {
    async fn paid(&self, _: &Paid) {}
}

async fn pay(ctx: Context) -> nether::Result<()> {
    ctx.try_process(Paid)?;
    Ok(())
}

fn main() {}
