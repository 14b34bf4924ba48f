//! What has become of transfers: in memory, read off the events anew with each start.

use std::collections::HashMap;

use nether::Problem;
use nether::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::account::Credited;
use crate::transfer::{Cancelled, Requested};

/// What has become of a transfer.
#[query(reply = Status, error = NoTransfer, http = "GET /transfers/{transfer_id}")]
pub struct StatusOf {
    /// Which one.
    pub transfer_id: String,
}

/// What has become of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is under way.
    Requested,
    /// The money is there.
    Made,
    /// It was not made, and all money is where it was.
    Cancelled,
}

/// There is no such transfer.
#[derive(Debug, thiserror::Error, Problem)]
#[error("there is no transfer `{0}`")]
#[problem(status = 404)]
pub struct NoTransfer(String);

/// Knows what has become of transfers.
#[derive(Debug, Default)]
pub struct Statuses {
    by_transfer: HashMap<String, (Requested, Status)>,
}

#[projection(handles = [Requested, Credited, Cancelled, StatusOf])]
impl Statuses {
    fn requested(&mut self, event: &Requested) {
        let known = (event.clone(), Status::Requested);
        self.by_transfer.insert(event.transfer_id.clone(), known);
    }

    fn credited(&mut self, event: &Credited) {
        // Money that goes back is credited too.
        if let Some((asked, status)) = self.by_transfer.get_mut(&event.transfer_id)
            && asked.to == event.account_id
        {
            *status = Status::Made;
        }
    }

    fn cancelled(&mut self, event: &Cancelled) {
        if let Some((_, status)) = self.by_transfer.get_mut(&event.transfer_id) {
            *status = Status::Cancelled;
        }
    }

    fn status(&self, query: StatusOf) -> Result<Status, NoTransfer> {
        let known = self.by_transfer.get(&query.transfer_id);
        known
            .map(|(_, status)| *status)
            .ok_or(NoTransfer(query.transfer_id))
    }
}
