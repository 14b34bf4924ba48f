//! [`SagaSending`]: the commands of sagas in flight, at most one of each saga.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "erasure")]
use serde_json::value::RawValue;
use tokio::task::{AbortHandle, JoinSet};

use crate::context::Context;
use crate::escaped::Escaped;
use crate::eventstore::backend::{EventId, StoreError};
use crate::eventstore::clock;
use crate::eventstore::command_id::{CauseOfCommand, CommandId};
use crate::eventstore::control::Control;
use crate::eventstore::follower::{Followed, Follower, unpanicked, wait_after};
use crate::eventstore::lease::{Lease, LeaseFence};
use crate::eventstore::origin::SagaOrigin;
use crate::eventstore::saga::delivery::Delivery;
use crate::eventstore::saga::handle::SagaKind;
use crate::eventstore::saga::instance::{SagaInstance, SagaStage};
use crate::eventstore::saga::outgoing::Outgoing;
use crate::eventstore::saga::status::RepeatedCommand;
use crate::eventstore::saga::{Saga, Sagas, StepFailed, StepFailureKind};
use crate::eventstore::store::Store;
use crate::guarded::{catch, said_last};
use crate::race::race;
use crate::route::BoxFuture;
use crate::sync::lock;

/// The commands in flight.
#[derive(Default)]
pub(super) struct SagaSending {
    by_key: HashMap<Arc<str>, InFlight>,
    tasks: JoinSet<SentCommand>,
}

struct InFlight {
    id: EventId,
    /// Whether its saga has failed meanwhile, so that the command need not be repeated.
    has_failed: Arc<AtomicBool>,
    task: AbortHandle,
}

/// A command that is no longer in flight. There is no result if the module stopped before there was one.
pub(super) struct SentCommand {
    pub(super) key: Arc<str>,
    pub(super) id: EventId,
    pub(super) result: Option<Result<(), StepFailed>>,
}

impl SagaSending {
    pub(super) fn is_in_flight(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// Sends the first command of a saga, unless one of its commands is in flight. `may_be_done` says whether
    /// the command may have been sent by an earlier run.
    pub(super) fn send_next<S, F>(
        &mut self,
        key: &Arc<str>,
        instance: &SagaInstance,
        may_be_done: bool,
        follower: &Follower<F>,
    ) where
        S: Saga,
        F: Followed<Module = Sagas<S>, Kind = SagaKind>,
    {
        let has_failed = matches!(instance.stage, SagaStage::Compensating(_));
        if let Some(in_flight) = self.by_key.get(key) {
            in_flight.has_failed.store(has_failed, Ordering::SeqCst);
            return;
        }
        let Some(first) = instance.outgoing.front() else {
            return;
        };
        // A compensation is sent because the saga has failed.
        let has_failed = Arc::new(AtomicBool::new(has_failed && !first.compensates));
        let sender = CommandSender {
            key: Arc::clone(key),
            outgoing: first.clone(),
            origin: instance.origin.clone(),
            has_failed: Arc::clone(&has_failed),
            may_be_done,
            control: Arc::clone(&follower.control),
            store: follower.store.clone(),
            erasures: 0,
            lease: follower.lease.clone(),
            ctx: follower.ctx.clone(),
        };
        let (id, key_of_task) = (first.id, Arc::clone(key));
        let name = first.command.name.clone();
        // Boxed, so that tokio's part of a task is compiled once and not for each saga.
        let sending: BoxFuture<SentCommand> = Box::pin(async move {
            let result = match catch(sender.send()).await {
                Ok(result) => result,
                Err(panic) => {
                    let reason = format!("panicked: {}", said_last(panic));
                    Some(Err(
                        StepFailed::new(StepFailureKind::Panicked, reason).named(&name)
                    ))
                }
            };
            SentCommand {
                key: key_of_task,
                id,
                result,
            }
        });
        let task = self.tasks.spawn(sending);
        let in_flight = InFlight {
            id,
            has_failed,
            task,
        };
        self.by_key.insert(Arc::clone(key), in_flight);
    }

    /// Waits for the next command that is no longer in flight; for ever, if none is in flight.
    pub(super) async fn next(&mut self) -> SentCommand {
        match self.next_if_any().await {
            Some(sent) => sent,
            None => std::future::pending().await,
        }
    }

    /// Waits for the next command that is no longer in flight; `None` if none is in flight.
    pub(super) async fn next_if_any(&mut self) -> Option<SentCommand> {
        loop {
            // An error is the abort of a command that was given up.
            if let Ok(sent) = self.tasks.join_next().await? {
                return Some(sent);
            }
        }
    }

    /// Forgets a command that is no longer in flight.
    pub(super) fn end(&mut self, sent: &SentCommand) {
        if self
            .by_key
            .get(&sent.key)
            .is_some_and(|it| it.id == sent.id)
        {
            self.by_key.remove(&sent.key);
        }
    }

    /// Stops sending the command of a saga, and waits for it no longer.
    pub(super) fn give_up(&mut self, key: &str) {
        if let Some(in_flight) = self.by_key.remove(key) {
            in_flight.task.abort();
        }
    }
}

/// Sends one command until there is a result.
struct CommandSender<S: Saga> {
    key: Arc<str>,
    outgoing: Outgoing,
    origin: SagaOrigin,
    has_failed: Arc<AtomicBool>,
    may_be_done: bool,
    control: Arc<Control<SagaKind>>,
    store: Store,
    /// How often a subject had been forgotten when the command was last looked at.
    erasures: u64,
    lease: Option<Arc<Lease>>,
    ctx: Context<Sagas<S>>,
}

/// Why a command is to be sent again.
struct SendAgain {
    reason: String,
    /// Whether that is shown and logged: not if the module stops, or if another runner sends the command.
    is_shown: bool,
}

impl SendAgain {
    fn new(reason: String) -> Self {
        SendAgain {
            reason,
            is_shown: true,
        }
    }
}

impl<S: Saga> CommandSender<S> {
    /// Waits until it is certain that no other runner has taken over: after a silence of the lease time, the
    /// store is asked. Returns whether the command may be sent.
    async fn may_send(&self) -> bool {
        let Some(lease) = &self.lease else {
            return true;
        };
        let mut failed = 0;
        while lease.is_in_doubt() && !lease.is_lost() {
            let stopped = async {
                self.ctx.cancelled().await;
                None
            };
            let confirmed = async { Some(unpanicked(lease.confirm(&self.store)).await) };
            match race(confirmed, stopped).await {
                None => return false,
                Some(Ok(())) => break,
                Some(Err(StoreError::PreconditionFailed { .. })) => lease.mark_lost(),
                Some(Err(_)) => {
                    failed += 1;
                    wait_after(failed, &self.ctx.handle().scope).await;
                }
            }
        }
        !lease.is_lost()
    }

    async fn send(mut self) -> Option<Result<(), StepFailed>> {
        let mut repeated: Option<RepeatedCommand> = None;
        while !self.ctx.is_cancelled() && self.may_send().await {
            if let Some(repeated) = &repeated
                && !self.may_be_done
                && !self.outgoing.compensates
                && self.has_failed.load(Ordering::SeqCst)
            {
                let reason = format!("it was never handled: {}", repeated.error);
                let failed = StepFailed::new(StepFailureKind::Refused, reason);
                return Some(Err(failed.named(&repeated.command)));
            }
            self.forget().await;
            let again = match self.attempt().await {
                Ok(ended) => return Some(ended),
                Err(again) => again,
            };
            let failed = repeated.as_ref().map_or(1, |it| it.failed + 1);
            let since = repeated.map_or_else(clock::now, |it| it.since);
            let now = RepeatedCommand {
                command: self.outgoing.command.name.to_string(),
                failed,
                since,
                error: again.reason,
            };
            if again.is_shown {
                self.show(&now);
            }
            repeated = Some(now);
            wait_after(failed, &self.ctx.handle().scope).await;
        }
        None
    }

    /// Has the command forget who was forgotten since it was written down.
    async fn forget(&mut self) {
        let erasures = self.store.erasures();
        #[cfg(feature = "erasure")]
        if self.erasures != erasures {
            let content = self.outgoing.command.content.get().as_bytes();
            match unpanicked(self.store.personal.forgotten_in(content)).await {
                Ok(Some(new)) => {
                    let text = String::from_utf8(new).ok();
                    let new = text.and_then(|text| RawValue::from_string(text).ok());
                    let content = &mut self.outgoing.command.content;
                    *content = new.unwrap_or_else(|| content.clone());
                }
                Ok(None) => {}
                Err(_) => return, // It is tried again before the next attempt.
            }
        }
        self.erasures = erasures;
    }

    /// Sends it once. The error is why it is to be sent again.
    async fn attempt(&mut self) -> Result<Result<(), StepFailed>, SendAgain> {
        // A unit of work of its own: a stop of the sagas does not end the wait for the reply.
        let id = CommandId::of_saga(S::NAME, &self.key, self.outgoing.id);
        let SagaOrigin {
            principal,
            correlation,
        } = self.origin.clone();
        let mut work = self.ctx.resumed(principal, correlation).with(id);
        if let Some(cause) = self.outgoing.cause {
            work = work.with(CauseOfCommand(cause));
        }
        if let Some(trace) = &self.outgoing.trace {
            work = work.with_trace_context(trace.clone());
        }
        if let Some(lease) = &self.lease {
            work = work.with(LeaseFence(lease.fence()));
        }
        let delivery = S::deliver(&self.outgoing.command, &work).await;
        let closed = work.close().await;
        match delivery {
            Delivery::Done => {
                if let Err(error) = closed {
                    let command = &*self.outgoing.command.name;
                    tracing::warn!(saga = S::NAME, command, error = %Escaped(&error), "the command was handled, and something that it caused failed");
                }
                Ok(Ok(()))
            }
            Delivery::Failed(failed) => Ok(Err(failed)),
            // If an earlier attempt may have been handled, the command is not failed: its effect would stay
            // without a compensation.
            Delivery::Impossible(failed) if !self.may_be_done => Ok(Err(failed)),
            // A rejection is about now: an audit that is full, a program that changes nothing for a while. A
            // step that is rejected fails its saga. A compensation has nothing to fail but the promise that
            // all is undone, so it is sent again until it is let through.
            Delivery::Rejected(failed) if !self.may_be_done && !self.outgoing.compensates => {
                Ok(Err(failed))
            }
            Delivery::Impossible(failed) | Delivery::Rejected(failed) => {
                Err(SendAgain::new(failed.reason().to_owned()))
            }
            Delivery::Later(reason) => Err(SendAgain::new(reason)),
            Delivery::Stopping(reason) => Err(SendAgain {
                reason,
                is_shown: false,
            }),
            Delivery::Fenced(reason) => {
                if let Some(lease) = &self.lease {
                    lease.mark_lost();
                }
                Err(SendAgain {
                    reason,
                    is_shown: false,
                })
            }
            Delivery::Unknown(reason) => {
                self.may_be_done = true;
                Err(SendAgain::new(reason))
            }
        }
    }

    /// Logs that the command is repeated, and shows it in the status of the saga.
    fn show(&self, repeated: &RepeatedCommand) {
        let RepeatedCommand {
            command,
            failed,
            error,
            ..
        } = repeated;
        tracing::warn!(
            saga = S::NAME,
            key = &*self.key,
            command,
            failed,
            error,
            "a command is sent again"
        );
        let mut active = lock(&self.control.board.active);
        if let Some(status) = active.get_mut(&self.key) {
            status.repeated = Some(repeated.clone());
        }
    }
}
