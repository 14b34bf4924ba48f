//! coerce.

use std::sync::OnceLock;

use async_trait::async_trait;
use coerce::actor::context::ActorContext;
use coerce::actor::message::{Handler, Message};
use coerce::actor::system::ActorSystem;
use coerce::actor::{Actor, LocalActorRef};

use crate::contestants::{Contestant, actors};
use crate::contract::{Counter, Counters};
use crate::runtime::Engine;

pub(super) const DEFAULT: Contestant = Contestant {
    id: "coerce",
    package: "coerce",
    setting: "as it comes, anonymous actors of one system: mailboxes are unbounded, there is no other kind; `notify`, `send`; each actor told in turn",
    engine: Engine::Tokio,
    run: |scenario, _, load| actors(Coerce::default(), scenario, load),
};

/// The system that its actors live in, once there is one.
#[derive(Clone, Default)]
struct Coerce(OnceLock<ActorSystem>);

#[derive(Default)]
struct Adder {
    sum: u64,
}

impl Actor for Adder {}

struct Add(u64);

impl Message for Add {
    type Result = u64;
}

struct Sum(u64);

impl Message for Sum {
    type Result = u64;
}

#[async_trait]
impl Handler<Add> for Adder {
    async fn handle(&mut self, Add(number): Add, _: &mut ActorContext) -> u64 {
        self.sum += number;
        self.sum
    }
}

#[async_trait]
impl Handler<Sum> for Adder {
    async fn handle(&mut self, Sum(number): Sum, _: &mut ActorContext) -> u64 {
        self.sum + number
    }
}

impl Counters for Coerce {
    type Counter = LocalActorRef<Adder>;

    async fn counter(&self) -> LocalActorRef<Adder> {
        let system = self.0.get_or_init(ActorSystem::new);
        system
            .new_anon_actor(Adder::default())
            .await
            .expect("it starts")
    }
}

impl Counter for LocalActorRef<Adder> {
    async fn tell(&self, number: u64) {
        self.notify(Add(number)).expect("accepted");
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
