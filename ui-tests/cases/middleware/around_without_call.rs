#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

struct Audit;

#[nether::middleware]
impl Audit {
    async fn around<M: Message>(&self, next: Next<'_, M>) -> Answer<M> {
        unreachable!()
    }
}

fn main() {}
