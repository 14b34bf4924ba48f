#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct Say;

#[derive(Default)]
pub struct Sayer;

#[module(handles = Say)]
impl Sayer {
    async fn say(&mut self, _: Say) {}
}

#[event(name = "test.said")]
pub struct Said;

#[derive(Default)]
pub struct List;

#[projection(handles = Said)]
impl List {
    async fn said(&mut self, _: &Said, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.send(Say).await?;
        Ok(())
    }
}

fn main() {}
