//! [`SagaInstance`]: one saga, as it is written down: its state, the commands to send, the compensations of
//! the commands that are done, and its time-outs.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::eventstore::backend::{EventId, RecordedEvent};
use crate::eventstore::follower::guarded_now;
use crate::eventstore::origin::{SagaCause, SagaOrigin};
use crate::eventstore::saga::answer::SagaAnswer;
use crate::eventstore::saga::outgoing::{Outgoing, StoredCommand};
use crate::eventstore::saga::{Saga, SagaStart, Step, StepFailed, StepFailureKind};
use crate::trace::TraceContext;

/// One saga.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SagaInstance {
    state: Box<RawValue>,
    pub(super) stage: SagaStage,
    /// The commands to send, in order.
    pub(super) outgoing: VecDeque<Outgoing>,
    /// The compensations of the commands that are done, in the order of those.
    compensations: Vec<StoredCommand>,
    pub(super) timers: Vec<SagaTimer>,
    /// Compensations that failed, and why.
    pub(super) stuck: Vec<(Outgoing, String)>,
    /// The event because of which it has failed, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed_by: Option<SagaCause>,
    /// The trace in which it has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed_in: Option<TraceContext>,
    /// The command that it was started by, until it is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<StartingCommand>,
    /// What that is answered with once it is over, if it has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<SagaAnswer>,
    /// Why it has failed, until the answer is made of that.
    #[serde(skip)]
    failed_with: Option<StepFailed>,
    /// On whose behalf it works.
    #[serde(default, skip_serializing_if = "SagaOrigin::is_unknown")]
    pub(super) origin: SagaOrigin,
    /// Whether its failure, or that it is stuck, was reported in this run.
    #[serde(skip)]
    pub(super) is_reported: bool,
}

/// The command that a saga was started by.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StartingCommand {
    name: Arc<str>,
    /// The event that it is stored as.
    event: EventId,
}

/// The stage of a saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SagaStage {
    /// It handles events.
    Running,
    /// It is over once all its commands are done.
    Ending,
    /// It has failed, for this reason, and is over once all is compensated.
    Compensating(String),
}

/// A time-out that is set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SagaTimer {
    pub(super) name: String,
    /// In milliseconds since 1970.
    pub(super) due: u64,
    /// The event that it counts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<SagaCause>,
    /// The trace in which it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace: Option<TraceContext>,
}

impl SagaInstance {
    /// A new saga, which the event starts, at that time, in milliseconds since 1970.
    ///
    /// # Errors
    /// If its state cannot be written down.
    pub(super) fn start<S: Saga>(
        start: Option<&RecordedEvent>,
        from: u64,
        trace: Option<&TraceContext>,
    ) -> Result<Self> {
        let state = (S::KEPT.save)(&S::default())?;
        let mut instance = SagaInstance::with_state::<S>(state, start);
        instance.set_timers::<S>(None, from, (start.map(SagaCause::of), trace));
        Ok(instance)
    }

    /// One that does not begin, because of the command that was to start it: not even the state that it would
    /// begin with can be made, or written down. It is over at once.
    pub(super) fn unbegun<S: Saga>(
        start: &RecordedEvent,
        failed: StepFailed,
        trace: Option<TraceContext>,
    ) -> Self {
        let answer = error_of::<S>(&start.name, None, failed.clone());
        let mut instance = SagaInstance::with_state::<S>(RawValue::NULL.to_owned(), Some(start));
        instance.fail(failed, (Some(SagaCause::of(start)), trace), false);
        instance.failed_with = None;
        instance.answer = Some(answer);
        instance
    }

    fn with_state<S: Saga>(state: Box<RawValue>, start: Option<&RecordedEvent>) -> Self {
        let command = start.filter(|it| is_command::<S>(it));
        SagaInstance {
            state,
            stage: SagaStage::Running,
            outgoing: VecDeque::new(),
            compensations: Vec::new(),
            timers: Vec::new(),
            stuck: Vec::new(),
            failed_by: None,
            failed_in: None,
            command: command.map(|it| StartingCommand {
                name: Arc::clone(&it.name),
                event: it.id,
            }),
            answer: None,
            failed_with: None,
            origin: start.map(SagaOrigin::of).unwrap_or_default(),
            is_reported: false,
        }
    }

    /// Its state.
    ///
    /// # Errors
    /// If it was written down by a program in which the saga's type has another shape.
    pub(super) fn state<S: Saga>(&self) -> Result<S> {
        Ok((S::KEPT.restore)(&self.state)?)
    }

    /// Sets the time-outs that count from the event named `since`, or from the start of the saga if that is
    /// `None`. It happened at the time `from`, in milliseconds since 1970. The event itself is `cause`.
    pub(super) fn set_timers<S: Saga>(
        &mut self,
        since: Option<&str>,
        from: u64,
        (cause, trace): (Option<SagaCause>, Option<&TraceContext>),
    ) {
        for timeout in S::TIMEOUTS.iter().filter(|it| it.since == since) {
            self.timers.retain(|timer| timer.name != timeout.name);
            let after = u64::try_from(timeout.after.as_millis()).unwrap_or(u64::MAX);
            self.timers.push(SagaTimer {
                name: timeout.name.to_owned(),
                due: from.saturating_add(after),
                cause,
                trace: trace.cloned(),
            });
        }
    }

    /// Takes over the state and the commands of a step. `in_flight` says whether the first command to send is
    /// in flight.
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
            let failed = StepFailed::new(StepFailureKind::BySaga, reason);
            self.fail(failed, (step.cause, step.trace), in_flight);
            return Ok(());
        }
        self.outgoing.extend(step.outgoing);
        if step.ends {
            self.stage = SagaStage::Ending;
            self.timers.clear();
        }
        Ok(())
    }

    /// Fails the saga, because of an event if it is one, in a trace. Commands that are done are compensated,
    /// the last one first, and commands that were not sent are dropped. A command in flight is waited for; if
    /// it succeeds, it is compensated before the others.
    pub(super) fn fail(
        &mut self,
        failed: StepFailed,
        (cause, trace): (Option<SagaCause>, Option<TraceContext>),
        in_flight: bool,
    ) {
        let current = self.outgoing.pop_front().filter(|_| in_flight);
        self.stage = SagaStage::Compensating(failed.to_string());
        self.failed_with = Some(failed);
        self.failed_by = cause;
        self.failed_in = trace;
        self.timers.clear();
        let compensations = self.compensations.drain(..).rev();
        let trace = &self.failed_in;
        let compensations =
            compensations.map(|it| Outgoing::compensating(it, cause).in_trace(trace.clone()));
        self.outgoing = current.into_iter().chain(compensations).collect();
    }

    /// Takes in the result of the command in flight.
    pub(super) fn sent(&mut self, id: EventId, result: Result<(), StepFailed>) {
        let Some(outgoing) = self.outgoing.pop_front_if(|first| first.id == id) else {
            return;
        };
        let is_compensating = matches!(self.stage, SagaStage::Compensating(_));
        match result {
            Ok(()) if !is_compensating => self.compensations.extend(outgoing.compensation),
            Ok(()) => {
                // It was in flight when the saga failed.
                if let Some(it) = outgoing.compensation {
                    let compensation = Outgoing::compensating(it, self.failed_by);
                    let trace = self.failed_in.clone();
                    self.outgoing.push_front(compensation.in_trace(trace));
                }
            }
            Err(failed) if outgoing.compensates => {
                self.stuck.push((outgoing, failed.reason().to_owned()));
            }
            Err(_) if is_compensating => {} // There is nothing to compensate.
            Err(failed) => self.fail(failed, (outgoing.cause, outgoing.trace), false),
        }
    }

    /// Whether nothing is left to do, not even for an operator.
    pub(super) fn is_over(&self) -> bool {
        self.stage != SagaStage::Running && self.outgoing.is_empty() && self.stuck.is_empty()
    }

    /// Drops all that is left to do, after which the saga is over.
    pub(super) fn give_up(&mut self) {
        if !matches!(self.stage, SagaStage::Compensating(_)) {
            self.stage = SagaStage::Ending;
            let reason = "an operator has ended the saga";
            self.failed_with = Some(StepFailed::new(StepFailureKind::Ended, reason));
        }
        self.timers.clear();
        self.outgoing.clear();
        self.stuck.clear();
    }

    /// The event of the command that it was started by, and the answer to that, if it is known now. The
    /// answer of a failure is made at once, because only this process knows the error of the step.
    pub(super) fn answered<S: Saga>(&mut self) -> Option<(EventId, SagaAnswer)> {
        let failed_with = self.failed_with.take();
        let name = Arc::clone(&self.command.as_ref()?.name);
        if let Some(failed) = failed_with {
            self.answer = Some(error_of::<S>(&name, Some(self), failed));
        }
        if !self.is_over() {
            return None;
        }
        let answer = self.answer.take().unwrap_or_else(|| {
            made(false, || {
                let reply = start_of::<S>(&name)?.reply;
                Ok(SagaAnswer::Reply(reply(&self.state::<S>()?)?))
            })
        });
        Some((self.command.take()?.event, answer))
    }

    /// Lets the failed compensations be sent again; returns how many there are.
    pub(super) fn retry(&mut self) -> usize {
        self.is_reported = false;
        let stuck = std::mem::take(&mut self.stuck);
        let count = stuck.len();
        // With the same ids, so that an aggregate which has handled one does not handle it again.
        self.outgoing
            .extend(stuck.into_iter().map(|(outgoing, _)| outgoing));
        count
    }
}

/// Whether the event is a command that starts sagas of the type.
pub(super) fn is_command<S: Saga>(event: &RecordedEvent) -> bool {
    S::COMMANDS.iter().any(|it| *it.name == *event.name)
}

/// Whether the event is a command that was sent to start a saga of the type, also one that this program does
/// not list.
pub(super) fn is_start<S: Saga>(event: &RecordedEvent) -> bool {
    let is_marked = || event.metadata.entries.starts_saga();
    event.stream.category() == S::NAME && (is_command::<S>(event) || is_marked())
}

/// The error that a command is answered with, by the saga that it has started, or that is under way instead:
/// by a new one, if there is none or its state cannot be read.
pub(super) fn error_of<S: Saga>(
    command: &str,
    saga: Option<&SagaInstance>,
    failed: StepFailed,
) -> SagaAnswer {
    made(true, || {
        let start = start_of::<S>(command);
        let error = start.map_err(|unlisted| Error::msg(format!("{failed}; {unlisted}")))?;
        let error = error.error;
        let read = saga.and_then(|saga| guarded_now(|| saga.state::<S>()).ok());
        let state = read.unwrap_or_default();
        Ok(SagaAnswer::Error(error(&state, &failed)?))
    })
}

fn start_of<S: Saga>(command: &str) -> Result<&'static SagaStart<S>> {
    let start = S::COMMANDS.iter().find(|it| *it.name == *command);
    start.ok_or_else(|| {
        Error::msg(format!(
            "the program that runs the saga does not list `{command}` in `starts`"
        ))
    })
}

/// An answer, which code of the user's makes, of a saga that has failed or has ended well.
fn made(has_failed: bool, make: impl FnOnce() -> Result<SagaAnswer>) -> SagaAnswer {
    guarded_now(make).unwrap_or_else(|failure| SagaAnswer::Unmade {
        reason: failure.text,
        has_failed,
    })
}
