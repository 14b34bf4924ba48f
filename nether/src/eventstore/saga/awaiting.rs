//! [`AnswerWaits`]: callers that wait for the answers of sagas, in whatever process these are run.
//!
//! One task reads the new events of the store for all of them, so that the cost of an event does not depend
//! on their number. While no caller waits it reads nothing. It also sees which sagas do not go on without an
//! operator: their callers do not wait for that.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, oneshot};

use crate::escaped::Escaped;
use crate::eventstore::backend::{EventId, PAGE, Position, RecordedEvent, StoreError};
use crate::eventstore::control::Control;
use crate::eventstore::follower::{unpanicked, wait_after};
use crate::eventstore::saga::answer::{ANSWERED, answer_to};
use crate::eventstore::saga::handle::SagaKind;
use crate::eventstore::saga::unanswered::SagaBlocked;
use crate::eventstore::store::Store;
use crate::race::race;
use crate::scope::Scope;
use crate::sync::lock;

/// The callers that wait for answers of the sagas of one type.
#[derive(Default)]
pub(super) struct AnswerWaits {
    waiting: Mutex<AnswerWaiters>,
    /// Notified when a caller begins to wait.
    news: Notify,
}

/// The command that a caller waits for the answer to, as it is stored.
#[derive(Debug, Clone)]
pub(super) struct AcceptedCommand {
    pub(super) event: EventId,
    pub(super) position: Position,
    /// The key of its saga.
    pub(super) key: Arc<str>,
}

type AnswerOrBlock = Result<Arc<RecordedEvent>, SagaBlocked>;

/// The callers that wait for one answer.
struct AwaitedAnswer {
    command: AcceptedCommand,
    callers: Vec<oneshot::Sender<AnswerOrBlock>>,
}

#[derive(Default)]
struct AnswerWaiters {
    /// The callers that wait for the event with that id.
    by_answer: HashMap<EventId, AwaitedAnswer>,
    /// The answers that may be in the store already.
    unseen: HashSet<EventId>,
    /// Whether nothing looks for answers any more.
    is_over: bool,
}

/// Where answers come from.
pub(super) struct AnswerSource {
    /// The name of the type of the sagas.
    pub(super) saga: &'static str,
    pub(super) store: Store,
    pub(super) control: Arc<Control<SagaKind>>,
}

impl AnswerSource {
    /// The sagas that do not go on by themselves, by key, and why.
    fn blocked(&self) -> BTreeMap<Arc<str>, String> {
        let mut blocked = lock(&self.control.board.blocked).clone();
        for parked in lock(&self.control.parked).iter() {
            let (at, error) = (parked.position, &parked.error);
            let why = || {
                format!("the event at position {at} could not be handled and is parked: {error}")
            };
            blocked
                .entry(parked.key.as_str().into())
                .or_insert_with(why);
        }
        blocked
    }
}

/// What looks for answers. Dropping it ends all waits, and those that begin later.
pub(super) struct AnswerLookout(Arc<AnswerWaits>);

impl Drop for AnswerLookout {
    fn drop(&mut self) {
        *lock(&self.0.waiting) = AnswerWaiters {
            is_over: true,
            ..AnswerWaiters::default()
        };
    }
}

/// The wait for one answer, until dropped.
pub(super) struct AnswerWait {
    waits: Arc<AnswerWaits>,
    answer: EventId,
    receiver: oneshot::Receiver<AnswerOrBlock>,
}

impl AnswerWait {
    /// Waits for the event that is the answer, or until its saga does not go on; `None` if nothing looks for
    /// it any more.
    pub(super) async fn answered(&mut self) -> Option<AnswerOrBlock> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for AnswerWait {
    fn drop(&mut self) {
        self.receiver.close();
        let mut waiting = lock(&self.waits.waiting);
        if let Some(awaited) = waiting.by_answer.get_mut(&self.answer) {
            awaited.callers.retain(|caller| !caller.is_closed());
            if awaited.callers.is_empty() {
                waiting.by_answer.remove(&self.answer);
                waiting.unseen.remove(&self.answer);
            }
        }
    }
}

impl AnswerLookout {
    pub(super) fn over(waits: &Arc<AnswerWaits>) -> Self {
        AnswerLookout(Arc::clone(waits))
    }

    /// Gives answers to those that wait for them, for as long as it is polled.
    pub(super) async fn look(&self, at: &AnswerSource, scope: &Scope) {
        self.0.look(at, scope).await;
    }
}

impl AnswerWaits {
    /// Begins to wait for the answer to a command, which may be in the store already.
    pub(super) fn wait(self: &Arc<Self>, command: AcceptedCommand) -> AnswerWait {
        let answer = answer_to(command.event);
        let (sender, receiver) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        if !waiting.is_over {
            let callers = Vec::new();
            let awaited = || AwaitedAnswer { command, callers };
            let awaited = waiting.by_answer.entry(answer).or_insert_with(awaited);
            awaited.callers.push(sender);
            waiting.unseen.insert(answer);
        }
        drop(waiting);
        self.news.notify_one();
        AnswerWait {
            waits: Arc::clone(self),
            answer,
            receiver,
        }
    }

    /// Gives answers to those that wait for them, for as long as it is polled.
    async fn look(&self, at: &AnswerSource, scope: &Scope) {
        let saga = at.saga;
        let mut failed = 0;
        loop {
            let error = match unpanicked(self.look_on(at, &mut failed)).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            failed += 1;
            tracing::warn!(
                saga,
                error = %Escaped(&error),
                "the event store failed while callers wait for answers of sagas: it is tried again"
            );
            wait_after(failed, scope).await;
            // What came meanwhile is looked up.
            let mut waiting = lock(&self.waiting);
            waiting.unseen = waiting.by_answer.keys().copied().collect();
        }
    }

    async fn look_on(
        &self,
        at: &AnswerSource,
        failed: &mut u32,
    ) -> Result<std::convert::Infallible, StoreError> {
        let store = &at.store;
        let mut progress = at.control.progress.subscribe();
        loop {
            while !self.is_any() {
                self.news.notified().await;
            }
            let mut after = store.head().await?;
            while self.is_any() {
                self.look_up(store).await?;
                let mut newest = pin!(async move { store.wait_for_new(after).await.map(|_| true) });
                loop {
                    progress.mark_unchanged();
                    self.give_up_blocked(at).await?;
                    let joined = async {
                        self.news.notified().await;
                        Ok(true)
                    };
                    let progressed = async {
                        // The sender is in the control.
                        let _ = progress.changed().await;
                        Ok(false)
                    };
                    if race(newest.as_mut(), race(joined, progressed)).await? {
                        break;
                    }
                }
                after = self.read(store, after).await?;
                *failed = 0;
            }
        }
    }

    fn is_any(&self) -> bool {
        !lock(&self.waiting).by_answer.is_empty()
    }

    /// Looks for the answers that may have come before the task looked.
    async fn look_up(&self, store: &Store) -> Result<(), StoreError> {
        let next = || lock(&self.waiting).unseen.iter().next().copied();
        while let Some(answer) = next() {
            if let Some(event) = store.find(answer).await? {
                self.give(event);
            }
            lock(&self.waiting).unseen.remove(&answer);
        }
        Ok(())
    }

    /// Ends the waits for sagas that have come to their commands and do not go on by themselves. An answer
    /// that is in the store by then counts.
    async fn give_up_blocked(&self, at: &AnswerSource) -> Result<(), StoreError> {
        let Some(position) = at.control.progress.borrow().position else {
            return Ok(());
        };
        let blocked = at.blocked();
        if blocked.is_empty() {
            return Ok(());
        }
        let of_blocked = |(answer, awaited): (&EventId, &AwaitedAnswer)| {
            let key = &awaited.command.key;
            let why = blocked
                .get(key)
                .filter(|_| awaited.command.position <= position)?;
            Some((*answer, Arc::clone(key), why.clone()))
        };
        let all: Vec<_> = {
            let waiting = lock(&self.waiting);
            waiting.by_answer.iter().filter_map(of_blocked).collect()
        };
        let saga = at.saga;
        for (answer, key, why) in all {
            if let Some(event) = at.store.find(answer).await? {
                self.give(event);
                continue;
            }
            let awaited = lock(&self.waiting).by_answer.remove(&answer);
            for caller in awaited.into_iter().flat_map(|it| it.callers) {
                let (key, why) = (Arc::clone(&key), why.clone());
                let _ = caller.send(Err(SagaBlocked { saga, key, why })); // It may have left.
            }
        }
        Ok(())
    }

    /// Reads what is new after a position; returns how far it has come.
    async fn read(&self, store: &Store, mut after: Position) -> Result<Position, StoreError> {
        loop {
            let page = store.read_all_page(after, PAGE).await?.events;
            let Some(last) = page.last() else {
                return Ok(after);
            };
            after = last.position;
            for event in page.into_iter().filter(|event| *event.name == *ANSWERED) {
                self.give(event);
            }
        }
    }

    fn give(&self, event: RecordedEvent) {
        let awaited = lock(&self.waiting).by_answer.remove(&event.id);
        let event = Arc::new(event);
        for caller in awaited.into_iter().flat_map(|it| it.callers) {
            let _ = caller.send(Ok(Arc::clone(&event))); // It may have left.
        }
    }
}
