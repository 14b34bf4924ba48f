#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

trait HasTenant {
    fn tenant(&self) -> &str;
}

struct Audit;

#[nether::middleware]
impl Audit {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        next.run(call).await
    }
}

struct TenantGuard;

#[nether::middleware]
impl TenantGuard {
    async fn around<M: Message + HasTenant>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        next.run(call).await
    }
}

#[event]
struct Pinged;

#[derive(Default)]
struct Pinging;

#[module(handles = Pinged)]
impl Pinging {
    #[handler(with = [Audit, TenantGuard])]
    async fn pinged(&mut self, _: &Pinged) {}
}

fn main() {}
