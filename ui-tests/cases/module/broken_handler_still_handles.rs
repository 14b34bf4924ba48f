#![allow(unused_variables)]
use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(handles = Pay)]
impl Orders {
    async fn pay(&mut self, _: Pay, twice: bool) {}
}

#[nether::main]
async fn main(system: System) -> nether::Result<()> {
    system.context().send(Pay).await?;
    Ok(())
}
