//! What travels in the channels, and the one way to handle it.

use tokio::sync::oneshot;

pub(super) enum Message {
    Add(u64),
    Call(u64, oneshot::Sender<u64>),
    Read(u64, oneshot::Sender<u64>),
}

/// How many messages the bounded channels hold: what a mailbox of Nether holds.
pub(super) const CAPACITY: usize = 1024;

impl Message {
    pub(super) fn handle(self, sum: &mut u64) {
        match self {
            Message::Add(number) => *sum += number,
            Message::Call(number, reply) => {
                *sum += number;
                let _ = reply.send(*sum);
            }
            Message::Read(number, reply) => {
                let _ = reply.send(*sum + number);
            }
        }
    }
}
