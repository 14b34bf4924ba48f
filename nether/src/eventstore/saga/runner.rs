//! [`SagaRunner`]: shows events to sagas, sends their commands, and fires their time-outs.
//!
//! All that an event changes (states, commands to send, time-outs, the checkpoint) is written in one
//! transaction, and carried out only then. So a crash loses nothing: before the transaction, the event is
//! handled again; after it, what was written is carried out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::error::{Error, Result};
use crate::escaped::Escaped;
use crate::eventstore::backend::{Append, DocumentChange, Position, RecordedEvent, StoreError};
use crate::eventstore::clock;
use crate::eventstore::control::Control;
use crate::eventstore::definition::Definition;
use crate::eventstore::follower::{
    EventFailure, EventKey, Followed, Follower, FollowerPlace, OnChange, Reception, RunnerEnd,
    answer, guarded_now,
};
use crate::eventstore::handling::HandlingPolicy;
use crate::eventstore::saga::handle::{SagaKind, SagaOrder};
use crate::eventstore::saga::instance::{SagaInstance, SagaStage, is_start};
use crate::eventstore::saga::instances::SagaInstances;
use crate::eventstore::saga::reading::key_of;
use crate::eventstore::saga::sending::{SagaSending, SentCommand};
use crate::eventstore::saga::stepping::timed_out;
use crate::eventstore::saga::{Saga, Sagas, StepFailed, StepFailureKind};
use crate::eventstore::store::Store;
use crate::race::race;
use crate::sync::lock;

/// The longest wait before the clock is read again while a time-out is set: the clock may be changed, and the
/// machine may sleep.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(60);

/// The runner of the sagas of one type.
pub(super) struct SagaRunner<S: Saga> {
    pub(super) instances: SagaInstances<S>,
    pub(super) sending: SagaSending,
    /// The keys whose events have waited since the last run, and can go on.
    to_release: VecDeque<Arc<str>>,
    /// How often a subject had been forgotten when they were read: their states may know those of later.
    erasures: u64,
}

/// What sagas do besides handling events.
pub(super) enum SagaWork {
    Sent(SentCommand),
    LookAtClock,
    Release(Arc<str>),
}

impl<S: Saga> Followed for SagaRunner<S> {
    const NAME: &'static str = S::NAME;
    const POLICY: HandlingPolicy = S::POLICY;
    const IS_STORED: bool = true;
    const DEFINITION: Definition = S::DEFINITION;
    const ON_CHANGE: OnChange = OnChange::GoOn;
    const MUST_SAY_FROM: bool = true;
    type Module = Sagas<S>;
    type Kind = SagaKind;
    type Work = SagaWork;

    fn key<'a>(&self, event: &'a RecordedEvent) -> EventKey<'a> {
        if event.is_archived() {
            return EventKey::None;
        }
        // It reads the event, by code of the user's.
        guarded_now(|| key_of::<S>(event)).unwrap_or_else(|failure| {
            let place = format!("{}@{}", event.stream, event.position);
            EventKey::Unreadable(place, failure)
        })
    }

    async fn show(
        &mut self,
        follower: &Follower<Self>,
        place: &FollowerPlace,
        key: &str,
        event: &RecordedEvent,
    ) -> Result<Reception, EventFailure> {
        let forgotten = self.forget(follower).await;
        forgotten.map_err(|error| EventFailure::of(error.into()))?;
        self.receive(follower, place, key, event).await
    }

    /// A command that finds a saga under way is refused at once: its caller waits.
    fn overtakes(&self, key: &str, event: &RecordedEvent) -> bool {
        is_start::<S>(event) && self.is_under_way(key)
    }

    async fn give_up(
        &mut self,
        follower: &Follower<Self>,
        position: Position,
    ) -> Result<(), RunnerEnd> {
        self.answer_skipped(follower, position).await
    }

    async fn save(
        &mut self,
        follower: &Follower<Self>,
        _: &FollowerPlace,
        mut changes: Vec<DocumentChange>,
    ) -> Result<(), RunnerEnd> {
        self.forget_if_possible(follower).await;
        changes.extend(self.instances.changes());
        if !changes.is_empty() {
            follower.write(changes).await?;
        }
        let changed = self.instances.saved(&follower.control, &follower.ctx);
        self.give_answers(follower).await?;
        if !follower.is_stopping() {
            self.send_next(follower, &changed, false);
        }
        Ok(())
    }

    async fn look(&mut self, follower: &Follower<Self>) -> Result<(), StoreError> {
        let instances = SagaInstances::<S>::load(&follower.store).await?;
        instances.show_all(&follower.control);
        Ok(())
    }

    async fn has_stored(store: &Store) -> Result<bool, StoreError> {
        SagaInstances::<S>::has_stored(store).await
    }

    fn step_down(&mut self) {
        *self = SagaRunner::new();
    }

    async fn begin(&mut self, follower: &Follower<Self>) -> Result<(), RunnerEnd> {
        // Before they are read: who is forgotten meanwhile may still be in them.
        self.erasures = follower.store.erasures();
        let load = || SagaInstances::load(&follower.store);
        self.instances = follower.read_persistently(load).await?;
        self.instances.report_unreadable();
        self.instances.show_all(&follower.control);
        let keys = self.instances.keys();
        self.send_next(follower, &keys, true);
        self.give_answers(follower).await?;
        self.to_release = self.instances.to_release().cloned().collect();
        Ok(())
    }

    async fn next_work(&mut self, place: &FollowerPlace) -> SagaWork {
        if let Some(key) = self.to_release.pop_front() {
            return SagaWork::Release(key);
        }
        let next_timer = self.instances.next_timer(|key| place.parked.has(key));
        // Until it has caught up, an event that is not read yet may end the saga.
        let due = next_timer
            .filter(|_| place.is_caught_up)
            .map(|timer| timer.0);
        let sent = async { SagaWork::Sent(self.sending.next().await) };
        let timed_out = async {
            let Some(due) = due else {
                return std::future::pending().await;
            };
            let left = Duration::from_millis(due.saturating_sub(clock::now()));
            sleep(left.min(LOOK_AT_CLOCK)).await;
            SagaWork::LookAtClock
        };
        race(sent, timed_out).await
    }

    async fn work(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        work: SagaWork,
    ) -> Result<(), RunnerEnd> {
        self.forget_if_possible(follower).await;
        match work {
            SagaWork::Sent(sent) => self.sent(follower, place, sent).await,
            SagaWork::LookAtClock => self.look_at_clock(follower, place).await,
            SagaWork::Release(key) => {
                self.release(follower, place, &key).await?;
                follower.save(self, place).await
            }
        }
    }

    async fn carry(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        order: SagaOrder,
    ) -> Result<(), RunnerEnd> {
        self.forget_if_possible(follower).await;
        match order {
            SagaOrder::RetryStuck(key, done) => {
                let count = self.instances.change(&key.into(), SagaInstance::retry);
                let saved = follower.save(self, place).await;
                answer(done, saved.map(|()| Ok(count.unwrap_or(0))))
            }
            SagaOrder::End(key, done) => {
                let ended = self.end(follower, place, &key.into()).await;
                answer(done, ended)
            }
        }
    }

    /// Waits for the commands in flight: one that was handled counts as done, also if its answer comes during
    /// the stop.
    async fn finish(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
    ) -> Result<(), RunnerEnd> {
        while let Some(sent) = self.sending.next_if_any().await {
            self.sent(follower, place, sent).await?;
        }
        Ok(())
    }
}

impl<S: Saga> SagaRunner<S> {
    pub(super) fn new() -> Self {
        SagaRunner {
            instances: SagaInstances::none(),
            sending: SagaSending::default(),
            to_release: VecDeque::new(),
            erasures: 0,
        }
    }

    /// Has the sagas in memory forget who was forgotten since they were read.
    async fn forget(&mut self, follower: &Follower<Self>) -> Result<(), StoreError> {
        let erasures = follower.store.erasures();
        #[cfg(feature = "erasure")]
        if self.erasures != erasures {
            self.instances.forget(&follower.store).await?;
        }
        self.erasures = erasures;
        Ok(())
    }

    /// As [`forget`](Self::forget), where no event is shown. If it fails, it is tried again before the next
    /// event; what is saved meanwhile is forgotten by the store.
    async fn forget_if_possible(&mut self, follower: &Follower<Self>) {
        if let Err(error) = self.forget(follower).await {
            tracing::warn!(saga = S::NAME, error = %Escaped(&error), "the sagas in memory know still who is forgotten");
        }
    }

    /// Sends the next command of each of these sagas that has none in flight.
    fn send_next(&mut self, follower: &Follower<Self>, keys: &[Arc<str>], may_be_done: bool) {
        for key in keys {
            if let Some(instance) = self.instances.get(key) {
                self.sending.send_next(key, instance, may_be_done, follower);
            }
        }
    }

    /// Appends the answers that are written down, for which callers wait.
    async fn give_answers(&mut self, follower: &Follower<Self>) -> Result<(), RunnerEnd> {
        while let Some((command, append)) = self.instances.answers().first() {
            let attempt = || {
                let append = Append {
                    conditions: follower.fence(),
                    ..append.clone()
                };
                follower.store.append(append)
            };
            follower.write_persistently(attempt).await?;
            self.instances.answers().settle(command);
        }
        Ok(())
    }

    /// Takes in the result of a command.
    async fn sent(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        sent: SentCommand,
    ) -> Result<(), RunnerEnd> {
        self.sending.end(&sent);
        let Some(result) = sent.result else {
            return Ok(());
        };
        self.instances
            .change(&sent.key, |saga| saga.sent(sent.id, result));
        self.release(follower, place, &sent.key).await?;
        follower.save(self, place).await
    }

    /// Shows the events that waited for the end of a saga to the next saga with its key, for as long as that
    /// one takes events.
    async fn release(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        key: &Arc<str>,
    ) -> Result<(), RunnerEnd> {
        // While the module stops, nothing new is begun: the events are in the store, and are shown at the
        // next start.
        while !follower.is_stopping() && self.instances.may_release(key) {
            let Some(position) = self.instances.held().first(key) else {
                break;
            };
            let event = follower.event(position).await?;
            self.instances.release(key, position);
            let Some(event) = event.filter(|it| !it.is_archived()) else {
                continue;
            };
            let failure = match self.received(follower, key, &event).await {
                Ok(received) => {
                    self.take_over(key, &event, received);
                    continue;
                }
                Err(failure) => failure,
            };
            let behind = self.instances.held().all(key);
            follower.park_with(place, key, position, failure, behind.clone());
            for position in behind {
                self.instances.release(key, position);
            }
        }
        Ok(())
    }

    /// Fires the time-outs that are due.
    async fn look_at_clock(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
    ) -> Result<(), RunnerEnd> {
        let now = clock::now();
        let next = |runner: &Self, place: &FollowerPlace| {
            let next = runner.instances.next_timer(|key| place.parked.has(key));
            next.filter(|timer| timer.0 <= now).cloned()
        };
        if next(self, place).is_none() {
            return Ok(());
        }
        // Events from before now are shown first: a saga may have waited for one of them.
        let head = follower.head().await?;
        while place.position < head && follower.read(self, place).await? > 0 {}
        while let Some((_, key, name)) = next(self, place) {
            if follower.is_stopping() {
                break;
            }
            self.time_out(&key, &name).await;
        }
        follower.save(self, place).await
    }

    /// Fires a time-out. If it cannot be handled, the saga fails.
    async fn time_out(&mut self, key: &Arc<str>, name: &str) {
        let in_flight = self.sending.is_in_flight(key);
        let Some(known) = self.instances.get(key) else {
            return;
        };
        let mut instance = known.clone();
        let timer = instance.timers.iter().find(|timer| timer.name == name);
        let cause = timer.and_then(|timer| timer.cause);
        let trace = timer.and_then(|timer| timer.trace.clone());
        instance.timers.retain(|timer| timer.name != name);
        let of_timer = (name, cause, trace.as_ref());
        let instance = match timed_out::<S>(instance.clone(), of_timer, key, in_flight).await {
            Ok(instance) => instance,
            Err(EventFailure { text: error, .. }) => {
                tracing::error!(
                    saga = S::NAME,
                    key = &**key,
                    timeout = name,
                    error,
                    "a time-out could not be handled: the saga fails"
                );
                let reason = format!("`{name}`: {error}");
                let failed = StepFailed::new(StepFailureKind::BySaga, reason);
                instance.fail(failed, (cause, trace), in_flight);
                instance
            }
        };
        self.instances.put(key, instance);
    }

    /// Ends a saga that has failed, is ending, sends a command in vain, or cannot be read.
    async fn end(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        key: &Arc<str>,
    ) -> Result<Result<bool>, RunnerEnd> {
        let was_there = match self.instances.get(key) {
            None => {
                let was_there = self.instances.forget_unreadable(key, &follower.control);
                if was_there {
                    let answered = self.answer_unreadable(follower, key, place.position);
                    answered.await?;
                }
                was_there
            }
            Some(saga)
                if saga.stage == SagaStage::Running
                    && !is_repeating(&follower.control, key)
                    && guarded_now(|| saga.state::<S>()).is_ok() =>
            {
                return Ok(Err(Error::msg(format!(
                    "the saga `{key}` handles events still: only one that has failed, is ending, or sends a command again and again can be ended"
                ))));
            }
            Some(_) => {
                self.sending.give_up(key);
                self.instances.change(key, SagaInstance::give_up);
                true
            }
        };
        self.release(follower, place, key).await?;
        follower.save(self, place).await?;
        Ok(Ok(was_there))
    }
}

/// Whether the next command of a saga has failed, and is being repeated.
fn is_repeating(control: &Control<SagaKind>, key: &str) -> bool {
    let active = lock(&control.board.active);
    active.get(key).is_some_and(|saga| saga.repeated.is_some())
}
