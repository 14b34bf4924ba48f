#![allow(unused_imports, unused_variables, dead_code)]
use nether::http::RequestContext;
use nether::prelude::*;

#[command]
pub struct Pay;

#[query(reply = u64)]
pub struct Price;

#[derive(Default)]
pub struct Till;

#[module(handles = [Pay, Price])]
impl Till {
    async fn pay(&self, _: Pay) {}

    async fn price(&self, _: Price) -> u64 {
        7
    }
}

pub struct Web;

#[module(handles = [], calls = [Price], manual)]
impl Web {}

async fn page(ctx: RequestContext<Web>) {
    let _ = ctx.ask(Price).await;
    let _ = ctx.send(Pay).await;
}

fn main() {}
