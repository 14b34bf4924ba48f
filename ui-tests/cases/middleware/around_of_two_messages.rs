#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

#[command]
struct Ping;

#[command]
struct Pong;

struct Audit;

#[nether::middleware]
impl Audit {
    async fn around(&self, call: Call<'_, Ping>, next: Next<'_, Pong>) -> Answer<Ping> {
        unreachable!()
    }
}

fn main() {}
