use nether::prelude::*;

#[command]
pub struct Pay;

#[command]
pub struct Refund;

#[derive(Default)]
pub struct Bank;

#[module(handles = [Pay, Refund])]
impl Bank {
    async fn both(&mut self, _: Pay, _: Refund, _: &Context<Self>) {}
}

#[nether::main]
async fn main(_: System) -> nether::Result<()> {
    Ok(())
}
