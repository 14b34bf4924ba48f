//! No channel at all: a direct call through a boxed future of a trait object, to what callers share.

use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::contestants::{Contestant, NOT_MEANT};
use crate::contract::{Counter, Counters};
use crate::drive::{self, Asked, Sent};
use crate::runtime::Engine;
use crate::scenario::Scenario;

pub(super) const DIRECT: Contestant = Contestant {
    id: "dyn",
    package: "",
    setting: "a method of an `Arc<dyn Trait>` that returns a boxed future, called in place; the sum is an atomic",
    engine: Engine::Tokio,
    run: |scenario, _, load| match scenario {
        Scenario::SendShared => Ok(Box::pin(drive::calls::<Sent>(Direct, load))),
        Scenario::AskShared => Ok(Box::pin(drive::calls::<Asked>(Direct, load))),
        _ => Err(NOT_MEANT),
    },
};

struct Direct;

impl Counters for Direct {
    type Counter = Arc<dyn Handles>;

    async fn counter(&self) -> Arc<dyn Handles> {
        // The compiler shall not find out what is behind it.
        black_box(Arc::new(Sum::default()))
    }
}

type Reply<'a> = Pin<Box<dyn Future<Output = u64> + Send + 'a>>;

trait Handles: Send + Sync {
    fn add(&self, number: u64) -> Reply<'_>;
    fn sum(&self, number: u64) -> Reply<'_>;
}

#[derive(Default)]
struct Sum(AtomicU64);

impl Handles for Sum {
    fn add(&self, number: u64) -> Reply<'_> {
        Box::pin(async move { self.0.fetch_add(number, Ordering::Relaxed) + number })
    }

    fn sum(&self, number: u64) -> Reply<'_> {
        Box::pin(async move { self.0.load(Ordering::Relaxed) + number })
    }
}

impl Counter for Arc<dyn Handles> {
    async fn tell(&self, number: u64) {
        self.add(number).await;
    }

    async fn call(&self, number: u64) -> u64 {
        self.add(number).await
    }

    async fn read(&self, number: u64) -> u64 {
        self.sum(number).await
    }

    fn another(&self) -> Self {
        Arc::clone(self)
    }
}
