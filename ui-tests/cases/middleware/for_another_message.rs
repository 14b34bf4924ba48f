#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

struct OnlyPing;

#[nether::middleware]
impl OnlyPing {
    async fn around(&self, call: Call<'_, Ping>, next: Next<'_, Ping>) -> Answer<Ping> {
        next.run(call).await
    }
}

#[command]
struct Ping;

#[command]
struct Pong;

#[derive(Default)]
struct Playing;

#[module(handles = [Ping, Pong], with = OnlyPing)]
impl Playing {
    async fn ping(&mut self, _: Ping) {}

    async fn pong(&mut self, _: Pong) {}
}

fn main() {}
