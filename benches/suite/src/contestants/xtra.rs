//! xtra.

use tokio::sync::mpsc;
use xtra::prelude::*;

use crate::contestants::message::CAPACITY;
use crate::contestants::{Contestant, actors};
use crate::contract::{Audience, Audiences, Counter, Counters};
use crate::drive;
use crate::load::{Drive, Load};
use crate::runtime::Engine;
use crate::scenario::Scenario;

pub(super) const UNBOUNDED: Contestant = Contestant {
    id: "xtra",
    package: "xtra",
    setting: "as in its README: `Mailbox::unbounded()`; its mailbox is a heap by priority alone, which keeps no order among equals, so what is told has a higher priority than the question that waits for it; `send(..).detach()`, `send`; `broadcast` to actors that share an address",
    engine: Engine::Tokio,
    run: |scenario, _, load| run(Xtra { bounded: false }, scenario, load),
};

pub(super) const BOUNDED: Contestant = Contestant {
    id: "xtra-bounded",
    package: "xtra",
    setting: "`Mailbox::bounded(1024)`",
    engine: Engine::Tokio,
    run: |scenario, _, load| run(Xtra { bounded: true }, scenario, load),
};

fn run(xtra: Xtra, scenario: Scenario, load: Load) -> Result<Drive, &'static str> {
    match scenario {
        Scenario::Publish(members) => Ok(Box::pin(drive::publish(xtra, members, load))),
        _ => actors(xtra, scenario, load),
    }
}

/// Above what is sent by default. Messages of one priority are handled in any order, so this is what makes
/// the question for the sum come after all that was given.
const FIRST: u32 = 1;

#[derive(Clone)]
struct Xtra {
    bounded: bool,
}

impl Xtra {
    fn mailbox(&self) -> (Address<Adder>, Mailbox<Adder>) {
        if self.bounded {
            Mailbox::bounded(CAPACITY)
        } else {
            Mailbox::unbounded()
        }
    }
}

#[derive(Default, xtra::Actor)]
struct Adder {
    sum: u64,
}

struct Add(u64);

struct Sum(u64);

#[derive(Clone)]
struct Added(u64);

#[derive(Clone)]
struct Report(mpsc::UnboundedSender<u64>);

impl Handler<Add> for Adder {
    type Return = u64;

    async fn handle(&mut self, Add(number): Add, _: &mut Context<Self>) -> u64 {
        self.sum += number;
        self.sum
    }
}

impl Handler<Sum> for Adder {
    type Return = u64;

    async fn handle(&mut self, Sum(number): Sum, _: &mut Context<Self>) -> u64 {
        self.sum + number
    }
}

impl Handler<Added> for Adder {
    type Return = ();

    async fn handle(&mut self, Added(number): Added, _: &mut Context<Self>) {
        self.sum += number;
    }
}

impl Handler<Report> for Adder {
    type Return = ();

    async fn handle(&mut self, Report(to): Report, _: &mut Context<Self>) {
        let _ = to.send(self.sum);
    }
}

impl Counters for Xtra {
    type Counter = Address<Adder>;

    async fn counter(&self) -> Address<Adder> {
        let (address, mailbox) = self.mailbox();
        tokio::spawn(xtra::run(mailbox, Adder::default()));
        address
    }
}

impl Counter for Address<Adder> {
    async fn tell(&self, number: u64) {
        let _reply = self
            .send(Add(number))
            .priority(FIRST)
            .detach()
            .await
            .expect("accepted");
    }

    async fn call(&self, number: u64) -> u64 {
        self.send(Add(number)).await.expect("replied")
    }

    async fn read(&self, number: u64) -> u64 {
        self.send(Sum(number)).await.expect("replied")
    }

    fn another(&self) -> Self {
        self.clone()
    }
}

impl Audiences for Xtra {
    type Audience = Everyone;

    async fn audience(&self, members: usize) -> Everyone {
        let (address, mailbox) = self.mailbox();
        for _ in 0..members {
            tokio::spawn(xtra::run(mailbox.clone(), Adder::default()));
        }
        Everyone { address, members }
    }
}

/// The address that so many share.
struct Everyone {
    address: Address<Adder>,
    members: usize,
}

impl Everyone {
    async fn reports(&self) -> Vec<u64> {
        let (to, mut reports) = mpsc::unbounded_channel();
        self.address.broadcast(Report(to)).await.expect("accepted");
        let mut totals = Vec::with_capacity(self.members);
        for _ in 0..self.members {
            totals.push(reports.recv().await.expect("each reports"));
        }
        totals
    }
}

impl Audience for Everyone {
    async fn publish(&self, number: u64) {
        self.address
            .broadcast(Added(number))
            .priority(FIRST)
            .await
            .expect("accepted");
    }

    async fn settle(&mut self) {
        self.reports().await;
    }

    async fn totals(self) -> Vec<u64> {
        self.reports().await
    }
}
