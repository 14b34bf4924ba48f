#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

trait HasTenant {
    fn tenant(&self) -> &str;
}

struct TenantGuard;

#[nether::middleware]
impl TenantGuard {
    async fn around<M: Message + HasTenant>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        next.run(call).await
    }
}

#[command]
struct Ping;

#[derive(Default)]
struct Pinging;

#[module(handles = Ping, with = TenantGuard)]
impl Pinging {
    async fn ping(&self, _: Ping) {}
}

fn main() {}
