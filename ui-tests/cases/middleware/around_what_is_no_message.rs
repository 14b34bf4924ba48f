#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

struct Audit;

#[nether::middleware]
impl Audit {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        next.run(call).await
    }
}

struct Ping;

#[event]
struct Pinged;

#[derive(Default)]
struct Pinging;

#[module(handles = [Ping, Pinged], with = Audit)]
impl Pinging {
    async fn ping(&mut self, _: Ping) {}

    async fn pinged(&mut self, _: Pinged) {}
}

fn main() {}
