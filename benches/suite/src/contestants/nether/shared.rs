//! A module whose handlers run concurrently.

use std::sync::atomic::{AtomicU64, Ordering};

use nether::prelude::*;

use crate::contestants::nether::empty;
use crate::contract::{Counter, Counters};

#[command(local, reply = u64)]
struct Add(u64);

#[query(local, reply = u64)]
struct Sum(u64);

#[derive(Default)]
struct Adder {
    sum: AtomicU64,
}

#[module(handles = [Add, Sum], manual)]
impl Adder {
    async fn add(&self, Add(number): Add) -> u64 {
        self.sum.fetch_add(number, Ordering::Relaxed) + number
    }

    async fn sum(&self, Sum(number): Sum) -> u64 {
        self.sum.load(Ordering::Relaxed) + number
    }
}

pub(super) struct Shared;

impl Counters for Shared {
    type Counter = Opened;

    async fn counter(&self) -> Opened {
        let system = empty().await;
        system.attach(Adder::default()).await.expect("it is alone");
        Opened {
            ctx: system.context(),
            system,
        }
    }
}

/// An open context, and the system to open others.
pub(super) struct Opened {
    ctx: Context,
    system: System,
}

impl Counter for Opened {
    async fn tell(&self, number: u64) {
        self.ctx.process(Add(number)).await.expect("accepted");
    }

    async fn call(&self, number: u64) -> u64 {
        self.ctx.send(Add(number)).await.expect("replied")
    }

    async fn read(&self, number: u64) -> u64 {
        self.ctx.ask(Sum(number)).await.expect("answered")
    }

    fn another(&self) -> Self {
        Opened {
            ctx: self.system.context(),
            system: self.system.clone(),
        }
    }

    async fn close(self) {
        self.ctx.close().await.expect("nothing fails");
    }
}
