//! [`AnswerWaits`]: callers that wait for the answers of sagas, in whatever process these are run.
//!
//! One task reads the new events of the store for all of them, so that the cost of an event does not depend
//! on their number. While no caller waits it reads nothing.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, oneshot};

use crate::escaped::Escaped;
use crate::eventstore::backend::{EventId, PAGE, Position, RecordedEvent, StoreError};
use crate::eventstore::follower::{unpanicked, wait_after};
use crate::eventstore::saga::answer::ANSWERED;
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

#[derive(Default)]
struct AnswerWaiters {
    /// The callers that wait for the event with that id.
    by_answer: HashMap<EventId, Vec<oneshot::Sender<Arc<RecordedEvent>>>>,
    /// The answers that may be in the store already.
    unseen: HashSet<EventId>,
    /// Whether nothing looks for answers any more.
    is_over: bool,
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
    receiver: oneshot::Receiver<Arc<RecordedEvent>>,
}

impl AnswerWait {
    /// Waits for the event that is the answer; `None` if nothing looks for it any more.
    pub(super) async fn answered(&mut self) -> Option<Arc<RecordedEvent>> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for AnswerWait {
    fn drop(&mut self) {
        self.receiver.close();
        let mut waiting = lock(&self.waits.waiting);
        if let Some(waiters) = waiting.by_answer.get_mut(&self.answer) {
            waiters.retain(|waiter| !waiter.is_closed());
            if waiters.is_empty() {
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
    pub(super) async fn look(&self, saga: &'static str, store: &Store, scope: &Scope) {
        self.0.look(saga, store, scope).await;
    }
}

impl AnswerWaits {
    /// Begins to wait for the answer of that id, which may be in the store already.
    pub(super) fn wait(self: &Arc<Self>, answer: EventId) -> AnswerWait {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        if !waiting.is_over {
            waiting.by_answer.entry(answer).or_default().push(sender);
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
    async fn look(&self, saga: &'static str, store: &Store, scope: &Scope) {
        let mut failed = 0;
        loop {
            let error = match unpanicked(self.look_on(store, &mut failed)).await {
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
        store: &Store,
        failed: &mut u32,
    ) -> Result<std::convert::Infallible, StoreError> {
        loop {
            while !self.is_any() {
                self.news.notified().await;
            }
            let mut after = store.head().await?;
            while self.is_any() {
                self.look_up(store).await?;
                let newest = async { store.wait_for_new(after).await.map(|_| ()) };
                let joined = async {
                    self.news.notified().await;
                    Ok(())
                };
                race(newest, joined).await?;
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
        let waiters = lock(&self.waiting).by_answer.remove(&event.id);
        let event = Arc::new(event);
        for waiter in waiters.into_iter().flatten() {
            let _ = waiter.send(Arc::clone(&event)); // It may have left.
        }
    }
}
