//! A task at the end of an unbounded channel.

use tokio::sync::{mpsc, oneshot};

use crate::contestants::message::Message;
use crate::contestants::{Contestant, actors};
use crate::contract::{Counter, Counters};
use crate::runtime::Engine;

pub(super) const UNBOUNDED: Contestant = Contestant {
    id: "mpsc-unbounded",
    package: "tokio",
    setting: "`mpsc::unbounded_channel()`: nothing holds a producer back",
    engine: Engine::Tokio,
    run: |scenario, _, load| actors(Unbounded, scenario, load),
};

#[derive(Clone)]
struct Unbounded;

impl Counters for Unbounded {
    type Counter = Sender;

    async fn counter(&self) -> Sender {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(run(receiver));
        Sender(sender)
    }
}

async fn run(mut receiver: mpsc::UnboundedReceiver<Message>) {
    let mut sum = 0;
    while let Some(message) = receiver.recv().await {
        message.handle(&mut sum);
    }
}

struct Sender(mpsc::UnboundedSender<Message>);

impl Sender {
    fn send(&self, message: Message) {
        self.0.send(message).expect("the task lives");
    }
}

impl Counter for Sender {
    async fn tell(&self, number: u64) {
        self.send(Message::Add(number));
    }

    async fn call(&self, number: u64) -> u64 {
        let (reply, replied) = oneshot::channel();
        self.send(Message::Call(number, reply));
        replied.await.expect("the task replies")
    }

    async fn read(&self, number: u64) -> u64 {
        let (reply, replied) = oneshot::channel();
        self.send(Message::Read(number, reply));
        replied.await.expect("the task replies")
    }

    fn another(&self) -> Self {
        Sender(self.0.clone())
    }
}
