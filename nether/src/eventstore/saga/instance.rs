//! [`Instance`]: one saga, as it is written down: its state, what it has to send, what compensates what was done, its time-outs.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::eventstore::clock;
use crate::eventstore::saga::outgoing::{Outgoing, StoredCommand};
use crate::eventstore::saga::{Saga, Step};

/// One saga.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    state: Value,
    pub(super) stage: Stage,
    /// What is to be sent, in order.
    pub(super) outgoing: VecDeque<Outgoing>,
    /// What compensates that which was done, in the order it was done.
    compensations: Vec<StoredCommand>,
    pub(super) timers: Vec<Timer>,
    /// Compensations that failed, and why.
    pub(super) stuck: Vec<(StoredCommand, String)>,
}

/// How far a saga is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// It handles events.
    Running,
    /// It is over once all is sent.
    Ending,
    /// It has failed, and is over once all is compensated.
    Compensating(String),
}

/// A time-out that is on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Timer {
    pub(super) name: String,
    /// In milliseconds since 1970.
    pub(super) due: u64,
}

impl Instance {
    /// One that starts now.
    ///
    /// # Errors
    /// If its state cannot be written down.
    pub(super) fn start<S: Saga>() -> Result<Self> {
        let mut instance = Instance {
            state: (S::KEPT.save)(&S::default())?,
            stage: Stage::Running,
            outgoing: VecDeque::new(),
            compensations: Vec::new(),
            timers: Vec::new(),
            stuck: Vec::new(),
        };
        instance.set_timers::<S>(None);
        Ok(instance)
    }

    /// Its state.
    ///
    /// # Errors
    /// If it was written down by a program whose sagas look otherwise.
    pub(super) fn state<S: Saga>(&self) -> Result<S> {
        Ok((S::KEPT.restore)(&self.state)?)
    }

    /// Sets the time-outs that count from an event, or from the start.
    pub(super) fn set_timers<S: Saga>(&mut self, since: Option<&str>) {
        for timeout in S::TIMEOUTS.iter().filter(|it| it.since == since) {
            self.timers.retain(|timer| timer.name != timeout.name);
            let after = u64::try_from(timeout.after.as_millis()).unwrap_or(u64::MAX);
            self.timers.push(Timer {
                name: timeout.name.to_owned(),
                due: clock::now().saturating_add(after),
            });
        }
    }

    /// Takes up the state after a step, and what it wants done.
    ///
    /// # Errors
    /// If the state, or a command, cannot be written down.
    pub(super) fn take<S: Saga>(&mut self, state: &S, step: Step<S>) -> Result<()> {
        if let Some(error) = step.broken {
            return Err(error);
        }
        self.state = (S::KEPT.save)(state)?;
        self.compensations.extend(step.compensations);
        self.outgoing.extend(step.outgoing);
        if let Some(reason) = step.failed {
            self.fail(reason);
        } else if step.ends {
            self.stage = Stage::Ending;
            self.timers.clear();
        }
        Ok(())
    }

    /// What was done is to be compensated, the last first; what was not sent is not.
    pub(super) fn fail(&mut self, reason: String) {
        self.stage = Stage::Compensating(reason);
        self.timers.clear();
        let compensations = self.compensations.drain(..).rev();
        self.outgoing = compensations.map(Outgoing::new).collect();
    }

    /// The first of what was to be sent was handled, or was not.
    pub(super) fn sent(&mut self, result: Result<(), String>) {
        let Some(outgoing) = self.outgoing.pop_front() else {
            return;
        };
        match (result, &self.stage) {
            (Ok(()), _) => self.compensations.extend(outgoing.compensation),
            (Err(reason), Stage::Compensating(_)) => self.stuck.push((outgoing.command, reason)),
            (Err(reason), _) => {
                let name = &outgoing.command.name;
                self.fail(format!("`{name}` failed: {reason}"));
            }
        }
    }

    /// Whether nothing is left to be done, also not by hand.
    pub(super) fn is_over(&self) -> bool {
        self.stage != Stage::Running && self.outgoing.is_empty() && self.stuck.is_empty()
    }

    /// Tries again the compensations that failed.
    pub(super) fn retry(&mut self) -> usize {
        let stuck = std::mem::take(&mut self.stuck);
        let count = stuck.len();
        let again = stuck.into_iter().map(|(command, _)| Outgoing::new(command));
        self.outgoing.extend(again);
        count
    }
}
