//! A module whose handlers run concurrently.

use std::sync::atomic::{AtomicU64, Ordering};

use nether::prelude::*;

use crate::contestants::nether::empty;
use crate::contestants::nether::opened::opened;
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

opened!();
