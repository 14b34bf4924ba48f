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

async fn log<S>(ctx: &Context<S>) {}

fn main() {}
