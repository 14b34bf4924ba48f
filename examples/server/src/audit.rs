//! The audit: who asked for what, and what came of it. An interceptor writes down every command that a
//! handler gets, and a query reads that.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use nether::prelude::*;
use nether::{Ended, Ending, Interceptor, MessageInfo, MessageKind};
use schemars::JsonSchema;
use serde::Serialize;

/// Asks for the last commands, the oldest first.
#[query(reply = Vec<Entry>, requires = "audit.read", http = "GET /audit")]
pub struct ReadAudit;

/// A command that a handler got.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Entry {
    /// The user; an empty text if the client had not signed in.
    pub user: String,
    /// The command.
    pub command: &'static str,
    /// Whether it was done.
    pub done: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How many commands are remembered. A real program writes them to a file or to a database.
const REMEMBERED: usize = 1000;

/// The last commands: written by the interceptor, and read by the module.
#[derive(Debug, Clone, Default)]
pub struct Audit(Arc<Mutex<VecDeque<Entry>>>);

impl Interceptor for Audit {
    fn after(&self, info: &MessageInfo<'_>, ended: &Ended<'_>) {
        if info.kind() != MessageKind::Command {
            return;
        }
        let entry = Entry {
            user: info.principal().map_or("", |it| it.id()).to_owned(),
            command: info.message(),
            done: ended.how == Ending::Handled,
            reason: ended.error.map(ToString::to_string),
        };
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == REMEMBERED {
            entries.pop_front();
        }
        entries.push_back(entry);
    }
}

/// Lets the audit be read.
#[derive(Debug)]
pub struct Auditors {
    audit: Audit,
}

#[module(handles = ReadAudit)]
impl Auditors {
    #[init]
    async fn new(audit: Resource<Audit>) -> nether::Result<Self> {
        Ok(Auditors {
            audit: (*audit).clone(),
        })
    }

    async fn read(&self, _: ReadAudit) -> Vec<Entry> {
        let entries = self.audit.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().cloned().collect()
    }
}
