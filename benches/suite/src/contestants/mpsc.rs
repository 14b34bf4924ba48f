//! The baseline: a task at the end of a bounded channel, replies through `oneshot`.

use tokio::sync::{mpsc, oneshot};

use crate::contestants::message::{CAPACITY, Message};
use crate::contestants::{Contestant, actors};
use crate::contract::{Counter, Counters};
use crate::runtime::Engine;

pub(super) const ONE_BY_ONE: Contestant = Contestant {
    id: "mpsc",
    package: "tokio",
    setting: "`mpsc::channel(1024)`, `recv`, replies through `oneshot`; one channel per consumer, sent to in turn",
    engine: Engine::Tokio,
    run: |scenario, _, load| actors(Mpsc { many: false }, scenario, load),
};

pub(super) const MANY: Contestant = Contestant {
    id: "mpsc-many",
    package: "tokio",
    setting: "the same with `recv_many`",
    engine: Engine::Tokio,
    run: |scenario, _, load| actors(Mpsc { many: true }, scenario, load),
};

#[derive(Clone)]
struct Mpsc {
    many: bool,
}

impl Counters for Mpsc {
    type Counter = Sender;

    async fn counter(&self) -> Sender {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        if self.many {
            tokio::spawn(many(receiver));
        } else {
            tokio::spawn(one_by_one(receiver));
        }
        Sender(sender)
    }
}

async fn one_by_one(mut receiver: mpsc::Receiver<Message>) {
    let mut sum = 0;
    while let Some(message) = receiver.recv().await {
        message.handle(&mut sum);
    }
}

async fn many(mut receiver: mpsc::Receiver<Message>) {
    let mut sum = 0;
    let mut messages = Vec::with_capacity(CAPACITY);
    while receiver.recv_many(&mut messages, CAPACITY).await > 0 {
        for message in messages.drain(..) {
            message.handle(&mut sum);
        }
    }
}

struct Sender(mpsc::Sender<Message>);

impl Sender {
    async fn send(&self, message: Message) {
        self.0.send(message).await.expect("the task lives");
    }
}

impl Counter for Sender {
    async fn tell(&self, number: u64) {
        self.send(Message::Add(number)).await;
    }

    async fn call(&self, number: u64) -> u64 {
        let (reply, replied) = oneshot::channel();
        self.send(Message::Call(number, reply)).await;
        replied.await.expect("the task replies")
    }

    async fn read(&self, number: u64) -> u64 {
        let (reply, replied) = oneshot::channel();
        self.send(Message::Read(number, reply)).await;
        replied.await.expect("the task replies")
    }

    fn another(&self) -> Self {
        Sender(self.0.clone())
    }
}
