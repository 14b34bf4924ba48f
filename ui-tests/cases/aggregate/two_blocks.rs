use nether::prelude::*;

#[command(key = account)]
pub struct Open {
    pub account: u64,
}

#[command(key = account)]
pub struct Close {
    pub account: u64,
}

#[event(name = "test.opened")]
pub struct Opened;

#[event(name = "test.closed")]
pub struct Closed;

#[derive(Default)]
pub struct Account;

#[aggregate(handles = Open, events = Opened)]
impl Account {
    fn open(&self, _: Open) -> Opened {
        Opened
    }

    fn opened(&mut self, _: &Opened) {}
}

#[aggregate(handles = Close, events = Closed)]
impl Account {
    fn close(&self, _: Close) -> Closed {
        Closed
    }

    fn closed(&mut self, _: &Closed) {}
}

async fn close(ctx: &Context) {
    let _ = ctx.send(Close { account: 1 }).await;
}

fn main() {}
