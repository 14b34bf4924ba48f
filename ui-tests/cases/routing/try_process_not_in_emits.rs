use nether::prelude::*;

#[command]
pub struct Pay;

#[command]
pub struct Bill;

#[event]
pub struct Paid;

#[derive(Default)]
pub struct Billing;

#[module(handles = [Pay, Bill], emits = Paid)]
impl Billing {
    async fn pay(&self, _: Pay, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.try_process(Bill)?;
        Ok(())
    }

    async fn bill(&self, _: Bill) {}
}

fn main() {}
