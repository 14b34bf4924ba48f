//! Transfers: what was asked for, and the saga that does it step by step.

use std::time::Duration;

use nether::eventstore::Step;
use nether::prelude::*;
use serde::{Deserialize, Serialize};

use crate::account::{Credit, Credited, Debit, Debited, Refund};

/// Transfer money from one account to another.
#[command(key = transfer_id, http = "POST /transfers", status = 202)]
pub struct Transfer {
    /// The number of the transfer, which its sender has chosen: a transfer that is sent twice is done once.
    pub transfer_id: String,
    /// The account that pays.
    pub from: String,
    /// The account that gets the money.
    pub to: String,
    /// How much.
    pub cents: u64,
}

/// Write down that a transfer was not made.
#[command(name = "transfer.cancel", key = transfer_id)]
pub struct Cancel {
    /// Which one.
    pub transfer_id: String,
}

/// A transfer was asked for.
#[event(name = "transfer.requested")]
pub struct Requested {
    /// Its number.
    pub transfer_id: String,
    /// The account that pays.
    pub from: String,
    /// The account that gets the money.
    pub to: String,
    /// How much.
    pub cents: u64,
}

/// A transfer was not made.
#[event(name = "transfer.cancelled")]
pub struct Cancelled {
    /// Its number.
    pub transfer_id: String,
}

/// What was asked for.
#[derive(Debug, Default)]
pub struct Order {
    is_requested: bool,
    is_cancelled: bool,
}

#[aggregate(handles = [Transfer, Cancel], events = [Requested, Cancelled], name = "transfer")]
impl Order {
    fn request(&self, transfer: Transfer) -> Option<Requested> {
        let Transfer {
            transfer_id,
            from,
            to,
            cents,
        } = transfer;
        (!self.is_requested).then_some(Requested {
            transfer_id,
            from,
            to,
            cents,
        })
    }

    fn cancel(&self, cancel: Cancel) -> Option<Cancelled> {
        let transfer_id = cancel.transfer_id;
        (!self.is_cancelled).then_some(Cancelled { transfer_id })
    }

    fn requested(&mut self, _: &Requested) {
        self.is_requested = true;
    }

    fn cancelled(&mut self, _: &Cancelled) {
        self.is_cancelled = true;
    }
}

/// Look whether a transfer is what it seems.
#[command(name = "transfer.inspect")]
pub struct Inspect {
    /// Which one.
    pub transfer_id: String,
}

/// How long an inspection takes.
#[derive(Debug, Clone, Copy)]
pub struct InspectionTime(pub Duration);

/// Looks at transfers, which takes its time.
#[derive(Debug)]
pub struct Inspector {
    time: Resource<InspectionTime>,
}

#[module(handles = Inspect)]
impl Inspector {
    #[init]
    fn new(time: Resource<InspectionTime>) -> Self {
        Inspector { time }
    }

    async fn inspect(&self, _: Inspect) {
        tokio::time::sleep(self.time.0).await;
    }
}

/// A transfer under way: the money leaves one account, is looked at, and reaches the other; or goes back.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct MoneyTransfer {
    to: String,
}

#[saga(
    key = transfer_id,
    handles = [Requested, Debited, Credited],
    starts = [Requested],
    ends = [Credited],
    sends = [Debit, Inspect, Credit, Refund, Cancel]
)]
impl MoneyTransfer {
    fn requested(&mut self, event: &Requested, step: &mut Step<Self>) {
        self.to.clone_from(&event.to);
        let transfer_id = || event.transfer_id.clone();
        step.on_failure(Cancel {
            transfer_id: transfer_id(),
        });
        step.send(Debit {
            account_id: event.from.clone(),
            transfer_id: transfer_id(),
            cents: event.cents,
        })
        .compensate_with(Refund {
            account_id: event.from.clone(),
            transfer_id: transfer_id(),
            cents: event.cents,
        });
    }

    fn debited(&mut self, event: &Debited, step: &mut Step<Self>) {
        step.send(Inspect {
            transfer_id: event.transfer_id.clone(),
        });
        step.send(Credit {
            account_id: self.to.clone(),
            transfer_id: event.transfer_id.clone(),
            cents: event.cents,
        });
    }

    fn credited(&mut self, _: &Credited) {}

    #[timeout("30m")]
    fn too_late(&mut self, step: &mut Step<Self>) {
        step.fail("it was not done in time");
    }
}
