#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

struct Twice;

#[nether::middleware]
impl Twice {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        let _ = next.run(call).await;
        next.run(call).await
    }
}

fn main() {}
