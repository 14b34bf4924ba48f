//! A broadcast channel: one producer, a task for each consumer.

use tokio::sync::{Barrier, broadcast, mpsc};

use std::sync::Arc;

use crate::contestants::message::CAPACITY;
use crate::contestants::{Contestant, NOT_MEANT};
use crate::contract::{Audience, Audiences};
use crate::drive;
use crate::runtime::Engine;
use crate::scenario::Scenario;

pub(super) const BROADCAST: Contestant = Contestant {
    id: "broadcast",
    package: "tokio",
    setting: "`broadcast::channel(1024)`; it drops what is not read in time, so the producer waits every 512 messages until all have caught up",
    engine: Engine::Tokio,
    run: |scenario, _, load| match scenario {
        Scenario::Publish(members) => Ok(Box::pin(drive::publish(Broadcast, members, load))),
        _ => Err(NOT_MEANT),
    },
};

struct Broadcast;

#[derive(Clone)]
enum Message {
    Add(u64),
    /// Wait for the others, so that the producer may go on.
    Meet(Arc<Barrier>),
    Report(mpsc::UnboundedSender<u64>),
}

/// How many messages go out before the producer waits: half of what fits, as consumers may be that far
/// behind.
const WINDOW: u64 = CAPACITY as u64 / 2;

impl Audiences for Broadcast {
    type Audience = Sender;

    async fn audience(&self, members: usize) -> Sender {
        let (sender, _) = broadcast::channel(CAPACITY);
        for _ in 0..members {
            tokio::spawn(run(sender.subscribe()));
        }
        Sender { sender, members }
    }
}

async fn run(mut receiver: broadcast::Receiver<Message>) {
    let mut sum = 0;
    while let Ok(message) = receiver.recv().await {
        match message {
            Message::Add(number) => sum += number,
            Message::Meet(barrier) => {
                barrier.wait().await;
            }
            Message::Report(to) => {
                let _ = to.send(sum);
            }
        }
    }
}

struct Sender {
    sender: broadcast::Sender<Message>,
    members: usize,
}

impl Sender {
    fn send(&self, message: Message) {
        assert!(self.sender.send(message).is_ok(), "the tasks live");
    }

    async fn meet(&self) {
        let barrier = Arc::new(Barrier::new(self.members + 1));
        self.send(Message::Meet(Arc::clone(&barrier)));
        barrier.wait().await;
    }
}

impl Audience for Sender {
    async fn publish(&self, number: u64) {
        self.send(Message::Add(number));
        if number.is_multiple_of(WINDOW) {
            self.meet().await;
        }
    }

    async fn settle(&mut self) {
        self.meet().await;
    }

    async fn totals(self) -> Vec<u64> {
        let (to, mut reports) = mpsc::unbounded_channel();
        self.send(Message::Report(to));
        let mut totals = Vec::with_capacity(self.members);
        for _ in 0..self.members {
            totals.push(reports.recv().await.expect("each reports"));
        }
        totals
    }
}
