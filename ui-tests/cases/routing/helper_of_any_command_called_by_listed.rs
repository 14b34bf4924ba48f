#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Command, Sends};

#[command]
pub struct Log;

#[command]
pub struct Other;

#[derive(Default)]
pub struct Logger;

#[module(handles = [Log, Other])]
impl Logger {
    async fn log(&mut self, _: Log) {}

    async fn other(&mut self, _: Other) {}
}

#[command]
pub struct Order;

#[derive(Default)]
pub struct Orders;

#[module(handles = Order, calls = Other)]
impl Orders {
    async fn order(&mut self, _: Order, ctx: &Context<Self>) -> nether::Result<()> {
        later(ctx, Log)
    }
}

fn later<S, C, H>(ctx: &Context<S>, command: C) -> nether::Result<()>
where
    S: Sends<C, H>,
    C: Command,
{
    Ok(())
}

fn main() {}
