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

#[command]
struct Ping;

#[command]
struct Pong;

#[derive(Default)]
struct Playing;

#[module(handles = [Ping, Pong], with = [Audit, Audit])]
impl Playing {
    #[handler(with = Audit)]
    async fn ping(&self, _: Ping) {}

    async fn pong(&self, _: Pong) {}
}

fn main() {}
