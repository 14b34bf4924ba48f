//! [`Round`]: a system is started, used from all sides, and stopped; then its books must balance.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nether::{ShutdownReport, SystemBuilder};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::audit::audit;
use crate::ledger::Ledger;
use crate::luck::Luck;
use crate::modules::Shelf;
use crate::units::{Guests, meddle, wander};

/// One system in the world, from its start to its end.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// From which everything is drawn.
    pub seed: u64,
    /// How many tasks open units of work, one after the other.
    pub senders: u64,
    /// After how many messages no more units of work are opened, those that handlers send included.
    pub messages: u64,
    /// After how much time no more are opened.
    pub time: Duration,
    /// How much rarer misfortunes are than with 1.
    pub mildness: u64,
}

/// What happened in a round.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    /// Units of work that have ended.
    pub units: u64,
    /// Messages that were accepted: one for each module that an event went to.
    pub accepted: u64,
    /// Messages that failed.
    pub failed: u64,
    /// Messages that were not handled.
    pub dead: u64,
    /// Tasks of units of work that failed.
    pub tasks: u64,
    /// Messages that their senders know to be accepted, or refused, or gave up.
    pub made: u64,
}

/// A round that runs. Boxed, so that those who await it do not compile the world once more.
pub type Running = Pin<Box<dyn Future<Output = nether::Result<Totals>>>>;

/// What is wrong after a round.
#[derive(Debug)]
pub struct Violations(pub(crate) Vec<String>);

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Violations {}

impl Round {
    /// Runs it, in the system that the builder makes. Fails with every promise that was broken.
    #[must_use]
    pub fn run(self, builder: SystemBuilder) -> Running {
        Box::pin(self.run_in(builder))
    }

    async fn run_in(self, builder: SystemBuilder) -> nether::Result<Totals> {
        let ledger = Arc::new(Ledger::new(self.mildness));
        let mut builder = builder.provide(Shelf(Arc::clone(&ledger)));
        if self.seed % 5 == 1 {
            builder = builder.max_in_flight(256);
        }
        let system = builder.start().await?;
        // In a test, what a module sends in vain must have had a handler once.
        if let Some(guests) = Guests::come(&system).await {
            guests.leave(&system).await;
        }
        let mut luck = Luck::new(self.seed);
        let (messages, end) = (self.messages, Instant::now() + self.time);
        let enough = move |ledger: &Ledger| ledger.made() >= messages || Instant::now() >= end;
        let mut senders = JoinSet::new();
        for _ in 0..self.senders {
            let (system, ledger) = (system.clone(), Arc::clone(&ledger));
            senders.spawn(wander(system, ledger, luck.next(), enough));
        }
        let meddler = tokio::spawn(meddle(system.clone(), Arc::clone(&ledger), luck.next()));
        // Some rounds are shut down in the middle, some at the end.
        if self.seed.is_multiple_of(4) {
            while let Some(ended) = senders.join_next().await {
                ended?;
            }
        } else {
            while ledger.made() < messages / 2 && Instant::now() < end && !senders.is_empty() {
                sleep(Duration::from_millis(1)).await;
                while let Some(ended) = senders.try_join_next() {
                    ended?;
                }
            }
        }
        ledger.end();
        let report = system.shutdown().await;
        while let Some(ended) = senders.join_next().await {
            ended?;
        }
        meddler.await?;
        drop(system);
        self.conclude(&ledger, &report)
    }

    fn conclude(&self, ledger: &Ledger, report: &ShutdownReport) -> nether::Result<Totals> {
        let totals = audit(ledger, report);
        let (opened, ended) = (&ledger.opened, &ledger.ended);
        if opened.load(Ordering::SeqCst) != ended.load(Ordering::SeqCst) {
            ledger.accuse("a unit of work has not ended");
        }
        // What the books keep of a message keeps the books.
        let books = std::mem::take(&mut *ledger.books());
        if books.violations.is_empty() {
            return Ok(totals);
        }
        Err(Violations(books.violations).into())
    }
}
