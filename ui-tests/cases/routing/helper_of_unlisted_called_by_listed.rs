#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct Log;

#[derive(Default)]
pub struct Logger;

#[module(handles = Log)]
impl Logger {
    async fn log(&mut self, _: Log) {}
}

#[command]
pub struct Order;

#[derive(Default)]
pub struct Orders;

#[module(handles = Order, calls = Log)]
impl Orders {
    async fn order(&mut self, _: Order, ctx: &Context<Self>) -> nether::Result<()> {
        log(ctx).await
    }
}

async fn log(ctx: &Context<impl nether::Unlisted>) -> nether::Result<()> {
    ctx.send(Log).await?;
    Ok(())
}

fn main() {}
