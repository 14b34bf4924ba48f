//! [`SagaInstances`]: the sagas of one type that are under way, in memory and in the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::context::{Context, announce};
use crate::eventstore::backend::{DocumentChange, StoreError};
use crate::eventstore::control::Control;
use crate::eventstore::events::{SagaFailed, SagaStuck};
use crate::eventstore::saga::instance::{SagaInstance, SagaStage};
use crate::eventstore::saga::{Saga, SagaStatus, Sagas};
use crate::eventstore::store::Store;
use crate::sync::lock;

/// The sagas of one type that are under way.
pub(super) struct SagaInstances<S: Saga> {
    collection: Arc<str>,
    by_key: HashMap<Arc<str>, SagaInstance>,
    /// Those that are not in the store as they are here.
    changed: BTreeSet<Arc<str>>,
    saga: PhantomData<fn() -> S>,
}

impl<S: Saga> SagaInstances<S> {
    /// Those in the store.
    pub(super) async fn load(store: &Store) -> Result<Self, StoreError> {
        let collection: Arc<str> = format!("saga/{}", S::NAME).into();
        let mut by_key = HashMap::new();
        for (key, content) in store.documents(&collection).await? {
            let instance = serde_json::from_slice(&content).map_err(|error| StoreError::Codec {
                what: format!("the saga `{key}` of `{}` cannot be read", S::NAME),
                reason: error.to_string(),
            })?;
            by_key.insert(key, instance);
        }
        Ok(SagaInstances {
            collection,
            by_key,
            changed: BTreeSet::new(),
            saga: PhantomData,
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<&SagaInstance> {
        self.by_key.get(key)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Arc<str>, &SagaInstance)> {
        self.by_key.iter()
    }

    /// Puts one in place of what it was.
    pub(super) fn put(&mut self, key: &Arc<str>, instance: SagaInstance) {
        self.by_key.insert(Arc::clone(key), instance);
        self.changed.insert(Arc::clone(key));
    }

    /// Lets go of one that is over, so that another may begin.
    pub(super) fn let_go(&mut self, key: &str, ctx: &Context<Sagas<S>>) {
        if let Some(instance) = self.by_key.get(key).filter(|it| it.is_over()) {
            report(key, instance, ctx);
            self.by_key.remove(key);
        }
    }

    /// Changes one, if there is one.
    pub(super) fn change<T>(
        &mut self,
        key: &str,
        change: impl FnOnce(&mut SagaInstance) -> T,
    ) -> Option<T> {
        let (key, _) = self.by_key.get_key_value(key)?;
        let key = Arc::clone(key);
        let changed = change(self.by_key.get_mut(&key)?);
        self.changed.insert(key);
        Some(changed)
    }

    /// The next time-out: of which saga, which one, and when.
    pub(super) fn next_timer(&self) -> Option<(Arc<str>, String, u64)> {
        let timers = self.by_key.iter().flat_map(|(key, instance)| {
            let timers = instance.timers.iter();
            timers.map(move |timer| (key, &timer.name, timer.due))
        });
        let next = timers.min_by_key(|(_, _, due)| *due);
        next.map(|(key, name, due)| (Arc::clone(key), name.clone(), due))
    }

    /// What has to be written so that the store has them as they are here. Those that are over are removed.
    pub(super) fn changes(&self) -> Vec<DocumentChange> {
        let change = |key: &Arc<str>| {
            let instance = self.by_key.get(key).filter(|instance| !instance.is_over());
            let written = |it| serde_json::to_vec(it).expect("it is made of JSON and texts");
            DocumentChange {
                collection: Arc::clone(&self.collection),
                key: Arc::clone(key),
                content: instance.map(written),
            }
        };
        self.changed.iter().map(change).collect()
    }

    /// They are in the store as they are here. Gives back which were changed.
    pub(super) fn saved(&mut self, control: &Control, ctx: &Context<Sagas<S>>) -> Vec<Arc<str>> {
        let changed: Vec<_> = std::mem::take(&mut self.changed).into_iter().collect();
        let mut statuses = lock(&control.sagas);
        for key in &changed {
            let Some(instance) = self.by_key.get(key) else {
                statuses.remove(key); // It was let go of before this.
                continue;
            };
            report(key, instance, ctx);
            if instance.is_over() {
                self.by_key.remove(key);
                statuses.remove(key);
            } else {
                statuses.insert(Arc::clone(key), SagaStatus::of(key, instance));
            }
        }
        count_busy(&statuses, control);
        changed
    }

    /// All of them, for who looks on.
    pub(super) fn show(&self, control: &Control) {
        let statuses = self.all().map(|(key, instance)| {
            let status = SagaStatus::of(key, instance);
            (Arc::clone(key), status)
        });
        let mut shown = lock(&control.sagas);
        *shown = statuses.collect();
        count_busy(&shown, control);
    }
}

/// Tells how many have something to send.
fn count_busy(statuses: &BTreeMap<Arc<str>, SagaStatus>, control: &Control) {
    let busy = statuses.values().filter(|status| status.waiting > 0);
    control.busy.send_replace(busy.count());
}

/// Tells that a saga has failed, or is stuck.
fn report<S: Saga>(key: &str, instance: &SagaInstance, ctx: &Context<Sagas<S>>) {
    let SagaStage::Compensating(reason) = &instance.stage else {
        return;
    };
    if !instance.outgoing.is_empty() {
        return;
    }
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
