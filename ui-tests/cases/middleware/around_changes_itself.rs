#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

struct Audit(u32);

#[nether::middleware]
impl Audit {
    async fn around<M: Message>(&mut self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        self.0 += 1;
        next.run(call).await
    }
}

fn main() {}
