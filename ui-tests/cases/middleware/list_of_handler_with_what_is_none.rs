#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

struct Audit;

#[command]
struct Ping;

#[derive(Default)]
struct Playing;

#[module(handles = Ping)]
impl Playing {
    #[handler(with = Audit)]
    async fn ping(&self, _: Ping) {}
}

fn main() {}
