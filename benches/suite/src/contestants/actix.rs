//! actix: its actors live on an arbiter, which is a thread with a runtime of its own.

use std::sync::OnceLock;

use actix::{Actor, Addr, Arbiter, ArbiterHandle, Context, Handler, Message, System};

use crate::contestants::message::CAPACITY;
use crate::contestants::{Contestant, actors};
use crate::contract::{Counter, Counters};
use crate::runtime::{Engine, Flavour};

pub(super) const DEFAULT: Contestant = Contestant {
    id: "actix",
    package: "actix",
    setting: "as it comes: a mailbox of 16, which `do_send` does not heed; `do_send`, `send`; each actor told in turn",
    engine: Engine::Actix,
    run: |scenario, flavour, load| actors(Actix::new(flavour, None), scenario, load),
};

pub(super) const ROOMY: Contestant = Contestant {
    id: "actix-1024",
    package: "actix",
    setting: "`set_mailbox_capacity(1024)`",
    engine: Engine::Actix,
    run: |scenario, flavour, load| actors(Actix::new(flavour, Some(CAPACITY)), scenario, load),
};

#[derive(Clone)]
struct Actix {
    flavour: Flavour,
    capacity: Option<usize>,
    arbiter: OnceLock<ArbiterHandle>,
}

#[derive(Default)]
struct Adder {
    sum: u64,
    capacity: Option<usize>,
}

#[derive(Message)]
#[rtype(result = "u64")]
struct Add(u64);

#[derive(Message)]
#[rtype(result = "u64")]
struct Sum(u64);

impl Actor for Adder {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        if let Some(capacity) = self.capacity {
            ctx.set_mailbox_capacity(capacity);
        }
    }
}

impl Handler<Add> for Adder {
    type Result = u64;

    fn handle(&mut self, Add(number): Add, _: &mut Context<Self>) -> u64 {
        self.sum += number;
        self.sum
    }
}

impl Handler<Sum> for Adder {
    type Result = u64;

    fn handle(&mut self, Sum(number): Sum, _: &mut Context<Self>) -> u64 {
        self.sum + number
    }
}

impl Actix {
    fn new(flavour: Flavour, capacity: Option<usize>) -> Self {
        Actix {
            flavour,
            capacity,
            arbiter: OnceLock::new(),
        }
    }

    /// Where the actors live: beside the driver, or on a thread of their own.
    fn arbiter(&self) -> &ArbiterHandle {
        self.arbiter.get_or_init(|| match self.flavour {
            Flavour::Multi => Arbiter::new().handle(),
            Flavour::Current => System::current().arbiter().clone(),
        })
    }
}

impl Counters for Actix {
    type Counter = Addr<Adder>;

    async fn counter(&self) -> Addr<Adder> {
        let capacity = self.capacity;
        Adder::start_in_arbiter(self.arbiter(), move |_| Adder { sum: 0, capacity })
    }
}

impl Counter for Addr<Adder> {
    async fn tell(&self, number: u64) {
        self.do_send(Add(number));
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
