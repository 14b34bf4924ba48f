//! ractor.

use ractor::port::OutputPort;
use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::mpsc;

use crate::contestants::{Contestant, NOT_MEANT, actors};
use crate::contract::{Audience, Audiences, Counter, Counters};
use crate::drive;
use crate::runtime::Engine;
use crate::scenario::Scenario;

pub(super) const DEFAULT: Contestant = Contestant {
    id: "ractor",
    package: "ractor",
    setting: "as it comes, without `async-trait`: mailboxes are unbounded, there is no other kind; `cast`, `call`; each actor told in turn",
    engine: Engine::Tokio,
    run: |scenario, _, load| actors(Ractor, scenario, load),
};

pub(super) const OUTPUT_PORT: Contestant = Contestant {
    id: "ractor-port",
    package: "ractor",
    setting: "an `OutputPort` that the actors subscribe to (feature `output-port-v2`; the first version drops messages)",
    engine: Engine::Tokio,
    run: |scenario, _, load| match scenario {
        Scenario::Publish(members) => Ok(Box::pin(drive::publish(Ractor, members, load))),
        _ => Err(NOT_MEANT),
    },
};

#[derive(Clone)]
struct Ractor;

struct Adder;

enum Message {
    Add(u64),
    Call(u64, RpcReplyPort<u64>),
    Read(u64, RpcReplyPort<u64>),
    Report(mpsc::UnboundedSender<u64>),
}

impl Actor for Adder {
    type Msg = Message;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        sum: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Add(number) => *sum += number,
            Message::Call(number, reply) => {
                *sum += number;
                reply.send(*sum)?;
            }
            Message::Read(number, reply) => reply.send(*sum + number)?,
            Message::Report(to) => to.send(*sum)?,
        }
        Ok(())
    }
}

impl Counters for Ractor {
    type Counter = Ref;

    async fn counter(&self) -> Ref {
        let (actor, _) = Actor::spawn(None, Adder, ()).await.expect("it starts");
        Ref(actor)
    }
}

struct Ref(ActorRef<Message>);

impl Ref {
    async fn reply(&self, message: impl FnOnce(RpcReplyPort<u64>) -> Message + Send) -> u64 {
        match self.0.call(message, None).await {
            Ok(CallResult::Success(reply)) => reply,
            _ => unreachable!("the actor lives and replies"),
        }
    }
}

impl Counter for Ref {
    async fn tell(&self, number: u64) {
        assert!(self.0.cast(Message::Add(number)).is_ok(), "the actor lives");
    }

    async fn call(&self, number: u64) -> u64 {
        self.reply(|port| Message::Call(number, port)).await
    }

    async fn read(&self, number: u64) -> u64 {
        self.reply(|port| Message::Read(number, port)).await
    }

    fn another(&self) -> Self {
        Ref(self.0.clone())
    }
}

impl Audiences for Ractor {
    type Audience = Port;

    async fn audience(&self, members: usize) -> Port {
        let port = OutputPort::default();
        for _ in 0..members {
            let Ref(subscriber) = self.counter().await;
            port.subscribe(subscriber, |shown| {
                Some(match shown {
                    Shown::Add(number) => Message::Add(number),
                    Shown::Report(to) => Message::Report(to),
                })
            });
        }
        Port { port, members }
    }
}

#[derive(Clone)]
enum Shown {
    Add(u64),
    Report(mpsc::UnboundedSender<u64>),
}

/// A port that so many listen at.
struct Port {
    port: OutputPort<Shown>,
    members: usize,
}

impl Audience for Port {
    async fn publish(&self, number: u64) {
        self.port.send(Shown::Add(number));
    }

    async fn settle(&mut self) {
        self.reports().await;
    }

    async fn totals(self) -> Vec<u64> {
        self.reports().await
    }
}

impl Port {
    async fn reports(&self) -> Vec<u64> {
        let (to, mut reports) = mpsc::unbounded_channel();
        self.port.send(Shown::Report(to));
        let mut totals = Vec::with_capacity(self.members);
        for _ in 0..self.members {
            totals.push(reports.recv().await.expect("each reports"));
        }
        totals
    }
}
