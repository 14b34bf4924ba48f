//! A module that does one thing at a time.

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
    sum: u64,
}

#[module(handles = [Add, Sum], manual)]
impl Adder {
    async fn add(&mut self, Add(number): Add) -> u64 {
        self.sum += number;
        self.sum
    }

    async fn sum(&self, Sum(number): Sum) -> u64 {
        self.sum + number
    }
}

pub(super) struct Exclusive;

impl Counters for Exclusive {
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
