//! kameo.

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::mailbox;
use kameo::message::{Context, Message};

use crate::contestants::{Contestant, actors};
use crate::contract::{Counter, Counters};
use crate::runtime::Engine;

pub(super) const DEFAULT: Contestant = Contestant {
    id: "kameo",
    package: "kameo",
    setting: "as it comes: a mailbox of 64; `tell`, `ask`; each actor told in turn",
    engine: Engine::Tokio,
    run: |scenario, _, load| actors(Kameo { unbounded: false }, scenario, load),
};

pub(super) const UNBOUNDED: Contestant = Contestant {
    id: "kameo-unbounded",
    package: "kameo",
    setting: "`mailbox::unbounded()`: nothing holds a producer back",
    engine: Engine::Tokio,
    run: |scenario, _, load| actors(Kameo { unbounded: true }, scenario, load),
};

#[derive(Clone)]
struct Kameo {
    unbounded: bool,
}

#[derive(Default, Actor)]
struct Adder {
    sum: u64,
}

struct Add(u64);

struct Sum(u64);

impl Message<Add> for Adder {
    type Reply = u64;

    async fn handle(&mut self, Add(number): Add, _: &mut Context<Self, u64>) -> u64 {
        self.sum += number;
        self.sum
    }
}

impl Message<Sum> for Adder {
    type Reply = u64;

    async fn handle(&mut self, Sum(number): Sum, _: &mut Context<Self, u64>) -> u64 {
        self.sum + number
    }
}

impl Counters for Kameo {
    type Counter = Ref;

    async fn counter(&self) -> Ref {
        let actor = Adder::default();
        Ref(if self.unbounded {
            Adder::spawn_with_mailbox(actor, mailbox::unbounded())
        } else {
            Adder::spawn(actor)
        })
    }
}

struct Ref(ActorRef<Adder>);

impl Counter for Ref {
    async fn tell(&self, number: u64) {
        self.0.tell(Add(number)).await.expect("accepted");
    }

    async fn call(&self, number: u64) -> u64 {
        self.0.ask(Add(number)).await.expect("replied")
    }

    async fn read(&self, number: u64) -> u64 {
        self.0.ask(Sum(number)).await.expect("replied")
    }

    fn another(&self) -> Self {
        Ref(self.0.clone())
    }
}
