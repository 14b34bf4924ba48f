#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

struct Audit;

#[nether::middleware]
impl Audit {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        let answer = next.run(call).await;
        println!("{}", call.module());
        answer
    }
}

fn main() {}
