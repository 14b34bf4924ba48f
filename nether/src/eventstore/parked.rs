//! [`Parked`]: events that could not be handled, and whose streams or keys wait behind them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::eventstore::backend::{DocumentChange, Position, StoreError};
use crate::eventstore::store::Store;

/// Where the parked events of a projection or saga type are, before its name.
const PARKED: &str = "parked/";

/// How many events are remembered of those that wait behind one. The others are read from the store.
const REMEMBERED: usize = 4096;

/// An event that could not be handled. Later events of its stream (in a saga: with its key) wait behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedEvent {
    /// The stream or key.
    pub key: String,
    /// The event's position.
    pub position: Position,
    /// Why it could not be handled.
    pub error: String,
}

/// The name of the projection or saga type whose parked events are in a collection, if that is such a one.
pub(super) fn parked_by(collection: &str) -> Option<&str> {
    collection.strip_prefix(PARKED)
}

/// An event that could not be handled, as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct WaitingKey {
    #[serde(flatten)]
    event: ParkedEvent,
    /// How often it has failed, while it is to be tried again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<u32>,
    /// Whether the program that has parked it does not know it: the next one that runs tries it by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_unknown: bool,
    /// The events of the key behind it, if all of them are known.
    #[serde(skip)]
    behind: Option<VecDeque<Position>>,
    #[serde(skip)]
    next_try: Option<Instant>,
}

impl WaitingKey {
    /// The key waits for an event that has not failed itself: it is tried by itself, also at the next start.
    fn wait_for(&mut self, next: Position) {
        self.event.position = next;
        self.failed = Some(0);
        self.is_unknown = false;
        self.next_try = Some(Instant::now());
    }
}

/// All that a projection or saga type has parked, and what it is about to try again.
#[derive(Debug, Clone)]
pub(super) struct Parked {
    collection: Arc<str>,
    by_key: BTreeMap<Arc<str>, WaitingKey>,
    /// The keys that are retried automatically, by the time of the next attempt.
    due: BTreeSet<(Instant, Arc<str>)>,
    /// Whether what is shown of it has changed.
    is_changed: bool,
}

/// The collection of what the projection or saga type of that name has parked.
pub(super) fn parked_of(name: &str) -> String {
    format!("{PARKED}{name}")
}

impl Parked {
    /// None.
    pub(super) fn none(name: &str) -> Self {
        Parked {
            collection: parked_of(name).into(),
            by_key: BTreeMap::new(),
            due: BTreeSet::new(),
            is_changed: true,
        }
    }

    /// Those that are in the store.
    pub(super) async fn load(store: &Store, name: &str) -> Result<Self, StoreError> {
        let mut parked = Parked::none(name);
        for (key, content) in store.documents(&parked.collection).await? {
            let one = serde_json::from_slice(&content);
            let one: WaitingKey = one.map_err(|error| StoreError::Codec {
                what: format!("what `{name}` has parked of `{key}` cannot be read"),
                reason: error.to_string(),
            })?;
            let is_tried = one.failed.is_some() || one.is_unknown;
            let next_try = is_tried.then(Instant::now);
            parked.put(&key, WaitingKey { next_try, ..one });
        }
        Ok(parked)
    }

    /// Those that are parked for good.
    pub(super) fn all(&self) -> Vec<ParkedEvent> {
        let all = self.by_key.values().filter(|one| one.failed.is_none());
        all.map(|one| one.event.clone()).collect()
    }

    /// Returns the parked events to show, if they have changed since the last call.
    pub(super) fn changed(&mut self) -> Option<Vec<ParkedEvent>> {
        std::mem::take(&mut self.is_changed).then(|| self.all())
    }

    /// The keys whose events are parked for good. The others are tried by themselves.
    pub(super) fn keys(&self) -> Vec<String> {
        let all = self.by_key.iter().filter(|(_, one)| one.failed.is_none());
        all.map(|(key, _)| key.to_string()).collect()
    }

    /// Whether later events of the key have to wait.
    pub(super) fn has(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// Everything up to here is handled or parked for good, if all up to `position` was read.
    pub(super) fn settled_up_to(&self, position: Position) -> Position {
        let due = self.due.iter().filter_map(|(_, key)| self.by_key.get(key));
        let due = due.filter(|one| one.failed.is_some());
        let first = due.map(|one| one.event.position).min();
        first.map_or(position, |first| Position(first.0 - 1).min(position))
    }

    /// Returns the key that is retried next, and when.
    pub(super) fn next_try(&self) -> Option<&(Instant, Arc<str>)> {
        self.due.first()
    }

    /// How often the event that a key waits behind has failed, while it is tried again by itself.
    pub(super) fn failed(&self, key: &str) -> Option<u32> {
        self.by_key.get(key)?.failed
    }

    /// Lets a key wait behind an event. `retry` is how often that has failed and when it is tried again;
    /// without it, it is tried by hand alone, and by the next program that runs if it `is_unknown` here.
    pub(super) fn park(
        &mut self,
        event: ParkedEvent,
        retry: Option<(u32, Instant)>,
        is_unknown: bool,
        behind: VecDeque<Position>,
    ) -> DocumentChange {
        let key = event.key.clone();
        let one = WaitingKey {
            event,
            failed: retry.map(|(failed, _)| failed),
            is_unknown,
            behind: Some(behind),
            next_try: retry.map(|(_, at)| at),
        };
        self.put(&key.as_str().into(), one);
        self.change(&key)
    }

    fn put(&mut self, key: &Arc<str>, one: WaitingKey) {
        self.remove(key);
        if let Some(next_try) = one.next_try {
            self.due.insert((next_try, Arc::clone(key)));
        }
        self.by_key.insert(Arc::clone(key), one);
    }

    fn remove(&mut self, key: &str) -> Option<WaitingKey> {
        self.is_changed = true;
        let (key, one) = self.by_key.remove_entry(key)?;
        if let Some(next_try) = one.next_try {
            self.due.remove(&(next_try, key));
        }
        Some(one)
    }

    /// An event of a key that [waits](Self::has) has come.
    pub(super) fn wait_behind(&mut self, key: &str, position: Position) {
        let one = self.by_key.get_mut(key);
        let one = one.expect("an event waits only behind one that is parked");
        match &mut one.behind {
            Some(behind) if behind.len() < REMEMBERED => behind.push_back(position),
            _ => one.behind = None,
        }
    }

    /// The newest event that a key waits behind.
    pub(super) fn last(&self) -> Position {
        let positions = self.by_key.values().map(|one| one.event.position);
        positions.max().unwrap_or_default()
    }

    /// The collection in which it is written down.
    pub(super) fn collection(&self) -> &str {
        &self.collection
    }

    /// Where the event is that a key waits behind.
    pub(super) fn position(&self, key: &str) -> Option<Position> {
        self.by_key.get(key).map(|one| one.event.position)
    }

    /// The events of a key that wait behind that one, if they are known.
    pub(super) fn behind(&self, key: &str) -> Option<&VecDeque<Position>> {
        self.by_key.get(key)?.behind.as_ref()
    }

    /// The event that a key waits behind was handled: the key waits behind the next one of `rest`, if there
    /// is one.
    pub(super) fn advance(&mut self, key: &str, mut rest: VecDeque<Position>) {
        let Some(mut one) = self.remove(key) else {
            return;
        };
        if let Some(next) = rest.pop_front() {
            one.wait_for(next);
            one.behind = Some(rest);
            self.put(&key.into(), one);
        }
    }

    /// What has to be written when the key waits behind the event at `next` alone, or behind none.
    pub(super) fn change_to(&self, key: &str, next: Option<Position>) -> DocumentChange {
        let one = self.by_key.get(key).zip(next).map(|(one, next)| {
            let mut one = one.clone();
            one.wait_for(next);
            one
        });
        self.written(key, one.as_ref())
    }

    /// Lets all go.
    pub(super) fn clear(&self) -> Vec<DocumentChange> {
        let keys = self.by_key.keys();
        keys.map(|key| self.written(key, None)).collect()
    }

    /// What has to be written of a key.
    fn change(&self, key: &str) -> DocumentChange {
        self.written(key, self.by_key.get(key))
    }

    fn written(&self, key: &str, one: Option<&WaitingKey>) -> DocumentChange {
        DocumentChange {
            collection: Arc::clone(&self.collection),
            key: key.into(),
            content: one.and_then(|one| serde_json::to_vec(one).ok()),
        }
    }
}
