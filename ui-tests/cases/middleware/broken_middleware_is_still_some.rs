#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

struct Audit;

#[nether::middleware]
impl Audit {
    async fn around<M: Message>(&self, call: Call<'_, M>) -> Answer<M> {
        unreachable!()
    }
}

#[command]
struct Ping;

#[derive(Default)]
struct Pinging;

#[module(handles = Ping, with = Audit)]
impl Pinging {
    async fn ping(&self, _: Ping) {}
}

fn main() {}
