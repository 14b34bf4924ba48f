//! [`SagaStatus`]: what a program can see of a saga.

use serde::Serialize;

use crate::eventstore::backend::EventId;
use crate::eventstore::saga::instance::{SagaInstance, SagaStage};

/// A saga that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SagaStatus {
    /// Its key.
    pub key: String,
    /// Why it has failed, if it has. It then compensates what it has done.
    pub failed: Option<String>,
    /// The number of commands that it has to send, including the one in flight.
    pub waiting: usize,
    /// The command that it repeats, because each failure so far may pass. Known only in the process that runs
    /// the sagas.
    pub repeated: Option<RepeatedCommand>,
    /// The compensations that failed: the names of their commands, and why. They are not repeated
    /// automatically.
    pub stuck: Vec<(String, String)>,
    /// How many events wait until it is over. The first of them starts the next saga with its key.
    pub held: usize,
    /// Why its stored state cannot be read, if so. Its events are parked then.
    pub unreadable: Option<String>,
    /// Whether it has a command to send, or is over and has waiting events.
    #[serde(skip)]
    pub(super) is_busy: bool,
    /// The id of the command that is sent next.
    #[serde(skip)]
    pub(super) first: Option<EventId>,
}

/// A command that is repeated until it is handled, because each failure so far may pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RepeatedCommand {
    /// The name of the command.
    pub command: String,
    /// How often it has failed since this process runs the sagas.
    pub failed: u32,
    /// When it failed for the first time, in milliseconds since 1970 (UTC).
    pub since: u64,
    /// Why the last attempt failed.
    pub error: String,
}

impl SagaStatus {
    pub(super) fn of(key: &str, instance: &SagaInstance, held: usize) -> Self {
        let stuck = instance.stuck.iter();
        SagaStatus {
            failed: match &instance.stage {
                SagaStage::Compensating(reason) => Some(reason.clone()),
                SagaStage::Running | SagaStage::Ending => None,
            },
            waiting: instance.outgoing.len(),
            stuck: stuck
                .map(|(outgoing, error)| (outgoing.command.name.to_string(), error.clone()))
                .collect(),
            held,
            is_busy: !instance.outgoing.is_empty() || (instance.is_over() && held > 0),
            first: instance.outgoing.front().map(|first| first.id),
            ..SagaStatus::nothing_of(key)
        }
    }

    /// Why it waits for an operator, if it does.
    pub(super) fn blocked(&self) -> Option<String> {
        if let Some(error) = &self.unreadable {
            return Some(error.clone());
        }
        let (command, error) = self.stuck.last().filter(|_| self.waiting == 0)?;
        Some(format!(
            "it has failed, and its compensation `{command}` has failed too: {error}"
        ))
    }

    /// One that cannot be read.
    pub(super) fn unreadable(key: &str, error: &str) -> Self {
        SagaStatus {
            unreadable: Some(error.to_owned()),
            ..SagaStatus::nothing_of(key)
        }
    }

    fn nothing_of(key: &str) -> Self {
        SagaStatus {
            key: key.to_owned(),
            failed: None,
            waiting: 0,
            repeated: None,
            stuck: Vec::new(),
            held: 0,
            unreadable: None,
            is_busy: false,
            first: None,
        }
    }
}
