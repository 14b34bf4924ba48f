//! [`SagaInstance`]: one saga, as it is written down: its state, what it has to send, what compensates what
//! was done, its time-outs.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::Result;
use crate::eventstore::backend::EventId;
use crate::eventstore::saga::outgoing::{Outgoing, StoredCommand};
use crate::eventstore::saga::{Saga, Step};

/// One saga.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SagaInstance {
    state: Box<RawValue>,
    pub(super) stage: SagaStage,
    /// What is to be sent, in order.
    pub(super) outgoing: VecDeque<Outgoing>,
    /// What compensates that which was done, in the order it was done.
    compensations: Vec<StoredCommand>,
    pub(super) timers: Vec<SagaTimer>,
    /// Compensations that failed, and why.
    pub(super) stuck: Vec<(Outgoing, String)>,
    /// Whether it is reported that it has failed or is stuck.
    #[serde(skip)]
    pub(super) is_reported: bool,
}

/// How far a saga is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SagaStage {
    /// It handles events.
    Running,
    /// It is over once all is sent.
    Ending,
    /// It has failed, and is over once all is compensated.
    Compensating(String),
}

/// A time-out that is on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SagaTimer {
    pub(super) name: String,
    /// In milliseconds since 1970.
    pub(super) due: u64,
}

impl SagaInstance {
    /// One that starts at that time, in milliseconds since 1970.
    ///
    /// # Errors
    /// If its state cannot be written down.
    pub(super) fn start<S: Saga>(from: u64) -> Result<Self> {
        let mut instance = SagaInstance {
            state: (S::KEPT.save)(&S::default())?,
            stage: SagaStage::Running,
            outgoing: VecDeque::new(),
            compensations: Vec::new(),
            timers: Vec::new(),
            stuck: Vec::new(),
            is_reported: false,
        };
        instance.set_timers::<S>(None, from);
        Ok(instance)
    }

    /// Its state.
    ///
    /// # Errors
    /// If it was written down by a program whose sagas look otherwise.
    pub(super) fn state<S: Saga>(&self) -> Result<S> {
        Ok((S::KEPT.restore)(&self.state)?)
    }

    /// Sets the time-outs that count from an event, or from the start, at that time.
    pub(super) fn set_timers<S: Saga>(&mut self, since: Option<&str>, from: u64) {
        for timeout in S::TIMEOUTS.iter().filter(|it| it.since == since) {
            self.timers.retain(|timer| timer.name != timeout.name);
            let after = u64::try_from(timeout.after.as_millis()).unwrap_or(u64::MAX);
            self.timers.push(SagaTimer {
                name: timeout.name.to_owned(),
                due: from.saturating_add(after),
            });
        }
    }

    /// Takes up the state after a step, and what it wants done. `in_flight` says whether the first of what is
    /// to be sent is on its way.
    ///
    /// # Errors
    /// If the state, or a command, cannot be written down.
    pub(super) fn take<S: Saga>(
        &mut self,
        state: &S,
        step: Step<S>,
        in_flight: bool,
    ) -> Result<()> {
        if let Some(error) = step.broken {
            return Err(error);
        }
        self.state = (S::KEPT.save)(state)?;
        self.compensations.extend(step.compensations);
        if let Some(reason) = step.failed {
            self.fail(reason, in_flight);
            return Ok(());
        }
        self.outgoing.extend(step.outgoing);
        if step.ends {
            self.stage = SagaStage::Ending;
            self.timers.clear();
        }
        Ok(())
    }

    /// What was done is to be compensated, the last first; what was not sent is not. What is on its way is
    /// waited for: if it is done, it is compensated before all else.
    pub(super) fn fail(&mut self, reason: String, in_flight: bool) {
        let current = self.outgoing.pop_front().filter(|_| in_flight);
        self.stage = SagaStage::Compensating(reason);
        self.timers.clear();
        let compensations = self.compensations.drain(..).rev();
        let compensations = compensations.map(Outgoing::compensating);
        self.outgoing = current.into_iter().chain(compensations).collect();
    }

    /// What was on its way was handled, or was not.
    pub(super) fn sent(&mut self, id: EventId, result: Result<(), String>) {
        let Some(outgoing) = self.outgoing.pop_front_if(|first| first.id == id) else {
            return;
        };
        let is_compensating = matches!(self.stage, SagaStage::Compensating(_));
        match result {
            Ok(()) if !is_compensating => self.compensations.extend(outgoing.compensation),
            Ok(()) => {
                // It was on its way when the saga failed.
                let compensation = outgoing.compensation.map(Outgoing::compensating);
                compensation
                    .into_iter()
                    .for_each(|it| self.outgoing.push_front(it));
            }
            Err(reason) if outgoing.compensates => self.stuck.push((outgoing, reason)),
            Err(_) if is_compensating => {} // There is nothing to compensate.
            Err(reason) => {
                let name = &outgoing.command.name;
                self.fail(format!("`{name}` failed: {reason}"), false);
            }
        }
    }

    /// Whether nothing is left to be done, also not by hand.
    pub(super) fn is_over(&self) -> bool {
        self.stage != SagaStage::Running && self.outgoing.is_empty() && self.stuck.is_empty()
    }

    /// Gives up what has to be done still: it is over.
    pub(super) fn give_up(&mut self) {
        if self.stage == SagaStage::Running {
            self.stage = SagaStage::Ending;
        }
        self.timers.clear();
        self.outgoing.clear();
        self.stuck.clear();
    }

    /// Tries again the compensations that failed.
    pub(super) fn retry(&mut self) -> usize {
        self.is_reported = false;
        let stuck = std::mem::take(&mut self.stuck);
        let count = stuck.len();
        // With the same ids: one that was done, though it did not say so, is not done again.
        self.outgoing
            .extend(stuck.into_iter().map(|(outgoing, _)| outgoing));
        count
    }
}
