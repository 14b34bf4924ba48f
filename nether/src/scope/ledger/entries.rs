//! What a [`Ledger`](super::Ledger) keeps of each wait.

use std::sync::Arc;
use std::task::Waker;

use super::{DeliveryKey, PendingReply, Queued, SharedPlaces, WaitElsewhere, WaitKind};
use crate::channel::AnyChannel;

pub(super) struct QueuedEntry {
    /// The number of the message.
    pub(super) sequence: u64,
    pub(super) behind: Queued,
    /// How many deliveries it stands for.
    pub(super) count: u64,
    /// Whether the future that waits is being polled, so that it may be accepted now.
    pub(super) is_polled: bool,
    /// Wakes that future, if it has to answer. What has to answer can be taken back.
    pub(super) waker: Option<Waker>,
    /// The last roll call that it answered.
    pub(super) answered: u64,
}

pub(super) struct ParkedHandler {
    /// The name of the message.
    pub(super) message: &'static str,
    /// The last roll call before it was parked.
    pub(super) roll: u64,
    /// The places of which it has one.
    pub(super) place_in: Option<SharedPlaces>,
    /// Which messages wait until it ends; 0 for none.
    pub(super) line: u64,
    /// What it waits for in other units of work.
    pub(super) elsewhere: Vec<Arc<dyn WaitElsewhere>>,
}

pub(super) struct WaitEntry {
    pub(super) id: u64,
    pub(super) kind: WaitKind,
    /// The last roll call that the future answered.
    pub(super) answered: u64,
}

pub(super) struct ReplyEntry {
    /// The delivery that waits for it.
    pub(super) of: DeliveryKey,
    /// The number of the message.
    pub(super) sequence: u64,
    /// The number of the exclusive module that handles the message.
    pub(super) module: u64,
    pub(super) reply: Arc<dyn PendingReply>,
    pub(super) answered: u64,
}

impl QueuedEntry {
    /// Whether a sender polls it, which may have ceased to.
    pub(super) fn has_sender(&self) -> bool {
        self.waker.is_some()
    }

    /// Whether its sender has not polled since that roll call.
    pub(super) fn is_unpolled(&self, roll: u64) -> bool {
        self.has_sender() && !self.is_polled && self.answered < roll
    }
}

impl WaitEntry {
    pub(super) fn stream(&self) -> Option<&Arc<dyn AnyChannel>> {
        match &self.kind {
            WaitKind::Item(stream) | WaitKind::Room(stream) => Some(stream),
            WaitKind::Message(_) => None,
        }
    }
}
