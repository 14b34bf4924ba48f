//! [`SagaInstances`]: the sagas of one type that are under way, in memory and in the store. The cost of a
//! step does not depend on their number.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::context::{Context, announce};
use crate::eventstore::backend::{DocumentChange, EventId, Position, RecordedEvent, StoreError};
use crate::eventstore::control::Control;
use crate::eventstore::events::{SagaFailed, SagaStuck};
use crate::eventstore::origin::SagaOrigin;
use crate::eventstore::saga::answer::{OwedAnswers, SagaAnswer};
use crate::eventstore::saga::handle::SagaKind;
use crate::eventstore::saga::held::HeldEvents;
use crate::eventstore::saga::instance::{SagaInstance, SagaStage};
use crate::eventstore::saga::status::SagaStatus;
use crate::eventstore::saga::{Saga, Sagas};
use crate::eventstore::store::Store;
use crate::sync::lock;

/// The sagas of one type that are under way.
pub(super) struct SagaInstances<S: Saga> {
    collection: Arc<str>,
    by_key: HashMap<Arc<str>, SagaInstance>,
    /// Those in the store that cannot be read, and why.
    unreadable: BTreeMap<Arc<str>, String>,
    /// The keys of those that differ from what is in the store.
    changed: BTreeSet<Arc<str>>,
    /// The events that wait until a saga is over.
    held: HeldEvents,
    /// The answers to commands that sagas were started by, until they are in the store as events.
    answers: OwedAnswers,
    /// The time-outs that are set: when they are due, of which saga, and their names.
    timers: BTreeSet<(u64, Arc<str>, String)>,
    saga: PhantomData<fn() -> S>,
}

impl<S: Saga> SagaInstances<S> {
    pub(super) fn none() -> Self {
        SagaInstances {
            collection: collection::<S>(),
            by_key: HashMap::new(),
            unreadable: BTreeMap::new(),
            changed: BTreeSet::new(),
            held: HeldEvents::none(S::NAME),
            answers: OwedAnswers::none(S::NAME),
            timers: BTreeSet::new(),
            saga: PhantomData,
        }
    }

    /// Loads those in the store. One that cannot be read does not prevent the others.
    pub(super) async fn load(store: &Store) -> Result<Self, StoreError> {
        let mut instances = SagaInstances::none();
        instances.held = HeldEvents::load(store, S::NAME).await?;
        if !S::COMMANDS.is_empty() {
            instances.answers = OwedAnswers::load(store, S::NAME).await?;
        }
        for (key, content) in store.documents(&instances.collection).await? {
            match serde_json::from_slice(&content) {
                Ok(instance) => instances.replace(&key, Some(instance)),
                Err(error) => {
                    let error = format!("what is stored of the saga cannot be read: {error}");
                    instances.unreadable.insert(key, error);
                }
            }
        }
        Ok(instances)
    }

    /// Whether the store has any.
    pub(super) async fn has_stored(store: &Store) -> Result<bool, StoreError> {
        let stored = store.documents(&collection::<S>()).await?;
        Ok(!stored.is_empty())
    }

    /// Logs which of them cannot be read.
    pub(super) fn report_unreadable(&self) {
        for (key, error) in &self.unreadable {
            let (saga, key) = (S::NAME, &**key);
            tracing::error!(
                saga,
                key,
                error,
                "a saga cannot be read: its events are parked"
            );
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&SagaInstance> {
        self.by_key.get(key)
    }

    /// Why the saga of that key cannot be read.
    pub(super) fn unreadable(&self, key: &str) -> Option<&String> {
        self.unreadable.get(key)
    }

    /// Forgets one that cannot be read; returns whether there was one.
    pub(super) fn forget_unreadable(
        &mut self,
        key: &Arc<str>,
        control: &Control<SagaKind>,
    ) -> bool {
        let was_there = self.unreadable.remove(key).is_some();
        if was_there {
            lock(&control.board.active).remove(key);
            control.board.show_blocked(key, None);
            self.changed.insert(Arc::clone(key));
        }
        was_there
    }

    pub(super) fn keys(&self) -> Vec<Arc<str>> {
        self.by_key.keys().map(Arc::clone).collect()
    }

    /// The events that wait until a saga is over.
    pub(super) fn held(&self) -> &HeldEvents {
        &self.held
    }

    /// Lets an event wait until the saga of its key is over.
    pub(super) fn hold(&mut self, key: &Arc<str>, position: Position) {
        self.held.hold(key, position);
        self.changed.insert(Arc::clone(key));
    }

    /// Notes that an event does not wait any more.
    pub(super) fn release(&mut self, key: &Arc<str>, position: Position) {
        self.held.remove(key, position);
        self.changed.insert(Arc::clone(key));
    }

    /// The keys whose events wait although they can go on.
    pub(super) fn to_release(&self) -> impl Iterator<Item = &Arc<str>> {
        self.held.keys().filter(|key| self.may_release(key))
    }

    /// Whether a waiting event of a key can go on.
    pub(super) fn may_release(&self, key: &str) -> bool {
        let takes = |saga: &SagaInstance| saga.stage == SagaStage::Running || saga.is_over();
        self.by_key.get(key).is_none_or(takes) && !self.unreadable.contains_key(key)
    }

    /// The answers that are not in the store as events yet.
    pub(super) fn answers(&mut self) -> &mut OwedAnswers {
        &mut self.answers
    }

    /// Whether the answer to a command is one of them.
    pub(super) fn owes(&self, command: EventId) -> bool {
        self.answers.has(command)
    }

    /// Answers a command that starts no saga, because one with its key is under way, or whose saga cannot be
    /// read.
    pub(super) fn refuse(&mut self, key: &Arc<str>, command: &RecordedEvent, answer: SagaAnswer) {
        let origin = SagaOrigin::of(command);
        self.answers.owe(command.id, key, origin, answer);
    }

    /// Has those in memory forget who is forgotten by now.
    #[cfg(feature = "erasure")]
    pub(super) async fn forget(&mut self, store: &Store) -> Result<(), StoreError> {
        for key in self.keys() {
            let Some(instance) = self.by_key.get(&key) else {
                continue;
            };
            let written = serde_json::to_vec(instance).expect("it is made of JSON and texts");
            let Some(new) = store.personal.forgotten_in(&written).await? else {
                continue;
            };
            let mut new: SagaInstance = serde_json::from_slice(&new).map_err(StoreError::failed)?;
            new.is_reported = instance.is_reported;
            self.replace(&key, Some(new));
            self.changed.insert(key);
        }
        Ok(())
    }

    /// Replaces one, or adds it. If that is the end of a saga, its command is answered.
    pub(super) fn put(&mut self, key: &Arc<str>, mut instance: SagaInstance) {
        if let Some((command, answer)) = instance.answered::<S>() {
            let origin = instance.origin.clone();
            self.answers.owe(command, key, origin, answer);
        }
        self.replace(key, Some(instance));
        self.changed.insert(Arc::clone(key));
    }

    /// Changes one, if there is one.
    pub(super) fn change<T>(
        &mut self,
        key: &Arc<str>,
        change: impl FnOnce(&mut SagaInstance) -> T,
    ) -> Option<T> {
        let mut instance = self.by_key.get(key)?.clone();
        let changed = change(&mut instance);
        self.put(key, instance);
        Some(changed)
    }

    /// Removes the saga of a key if it is over, so that another may begin.
    pub(super) fn remove_if_over(&mut self, key: &Arc<str>, ctx: &Context<Sagas<S>>) {
        if let Some(instance) = self.by_key.get_mut(key).filter(|it| it.is_over()) {
            report(key, instance, ctx);
            self.replace(key, None);
            self.changed.insert(Arc::clone(key));
        }
    }

    fn replace(&mut self, key: &Arc<str>, instance: Option<SagaInstance>) {
        if let Some(before) = self.by_key.remove(key) {
            for timer in before.timers {
                self.timers
                    .remove(&(timer.due, Arc::clone(key), timer.name));
            }
        }
        let Some(instance) = instance else { return };
        for timer in &instance.timers {
            self.timers
                .insert((timer.due, Arc::clone(key), timer.name.clone()));
        }
        self.by_key.insert(Arc::clone(key), instance);
    }

    /// The next time-out of a saga that does not wait behind a parked event: when it is due, of which saga,
    /// and its name.
    pub(super) fn next_timer(
        &self,
        waits: impl Fn(&str) -> bool,
    ) -> Option<&(u64, Arc<str>, String)> {
        self.timers.iter().find(|(_, key, _)| !waits(key))
    }

    /// The changes that bring the store to the state in memory. Sagas that are over are removed.
    pub(super) fn changes(&self) -> Vec<DocumentChange> {
        let change = |key: &Arc<str>| {
            let instance = self.by_key.get(key);
            let instance = instance.filter(|it| !it.is_over() || self.held.count(key) > 0);
            let written = |it| serde_json::to_vec(it).expect("it is made of JSON and texts");
            DocumentChange {
                collection: Arc::clone(&self.collection),
                key: Arc::clone(key),
                content: instance.map(written),
            }
        };
        let changed = self.changed.iter().map(change);
        let changed = changed.chain(self.held.changes());
        changed.chain(self.answers.changes()).collect()
    }

    /// Notes that the store has the state in memory. Returns the keys that had changed.
    pub(super) fn saved(
        &mut self,
        control: &Control<SagaKind>,
        ctx: &Context<Sagas<S>>,
    ) -> Vec<Arc<str>> {
        self.held.saved();
        self.answers.saved();
        let changed: Vec<_> = std::mem::take(&mut self.changed).into_iter().collect();
        for key in &changed {
            if let Some(instance) = self.by_key.get_mut(key) {
                report(key, instance, ctx);
                if instance.is_over() && self.held.count(key) == 0 {
                    self.replace(key, None);
                }
            }
        }
        self.show(&changed, control);
        changed
    }

    /// Replaces what is shown by all of them.
    pub(super) fn show_all(&self, control: &Control<SagaKind>) {
        let unreadable = self.unreadable.iter();
        let unreadable = unreadable.map(|(key, error)| (key, SagaStatus::unreadable(key, error)));
        let readable = self.by_key.iter().map(|(key, instance)| {
            let held = self.held.count(key);
            (key, SagaStatus::of(key, instance, held))
        });
        let all = unreadable.chain(readable);
        let all: BTreeMap<_, _> = all.map(|(key, it)| (Arc::clone(key), it)).collect();
        let busy = all.values().filter(|status| status.is_busy).count();
        control.board.show_all(all);
        control
            .progress
            .send_modify(|progress| progress.busy = busy);
    }

    fn show(&self, keys: &[Arc<str>], control: &Control<SagaKind>) {
        if keys.is_empty() {
            return;
        }
        let (mut more, mut less) = (0, 0);
        let mut statuses = lock(&control.board.active);
        for key in keys {
            let mut before = statuses.remove(key);
            less += usize::from(before.as_ref().is_some_and(|it| it.is_busy));
            let Some(instance) = self.by_key.get(key) else {
                control.board.show_blocked(key, None);
                continue;
            };
            let mut status = SagaStatus::of(key, instance, self.held.count(key));
            more += usize::from(status.is_busy);
            let first = instance.outgoing.front().map(|first| first.id);
            let before = before.as_mut().filter(|before| before.first == first);
            status.repeated = before.and_then(|before| before.repeated.take());
            control.board.show_blocked(key, Some(&status));
            statuses.insert(Arc::clone(key), status);
        }
        drop(statuses);
        control
            .progress
            .send_modify(|progress| progress.busy = progress.busy + more - less);
    }
}

/// The collection of the sagas of a type.
fn collection<S: Saga>() -> Arc<str> {
    instances_of(S::NAME).into()
}

/// The collection of the sagas of the type of that name.
pub(super) fn instances_of(name: &str) -> String {
    format!("saga/{name}")
}

/// Reports a saga that has failed or is stuck, once.
fn report<S: Saga>(key: &str, instance: &mut SagaInstance, ctx: &Context<Sagas<S>>) {
    let SagaStage::Compensating(reason) = &instance.stage else {
        return;
    };
    if !instance.outgoing.is_empty() || instance.is_reported {
        return;
    }
    instance.is_reported = true;
    if let Some((outgoing, error)) = instance.stuck.last() {
        let command = &outgoing.command;
        tracing::error!(
            saga = S::NAME,
            key,
            command = &*command.name,
            error,
            "a compensation failed: the saga is stuck"
        );
        announce(ctx.handle(), || SagaStuck {
            name: S::NAME.to_owned(),
            key: key.to_owned(),
            reason: reason.clone(),
            command: command.name.to_string(),
            error: error.clone(),
        });
        return;
    }
    announce(ctx.handle(), || SagaFailed {
        name: S::NAME.to_owned(),
        key: key.to_owned(),
        reason: reason.clone(),
    });
}
